"""Everything that can go wrong between us and a server, on real connections to a scripted one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from backends.clients import KEY, Client, client_of, request, talking
from scripted import PATIENCE, Gate
from scripted_http import Exchange, Script, event, piece, serving, zipped

from spnl.backends.base import Chunk, Usage
from spnl.backends.servers import engine as engine_module
from spnl.backends.servers.engine import TRIES
from spnl.errors import GenerationError, SpnlError


def status(code: int, body: Any = "", **headers: str) -> Script:
    return lambda exchange: exchange.plain(code, body, **headers)


def says(text: str) -> Script:
    return lambda exchange: exchange.reply(text)


def error_body(message: str, **more: Any) -> dict[str, Any]:
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **more}
    }


TOO_LONG = {
    "OpenAI": error_body("maximum context length is 8 tokens.", code="context_length_exceeded"),
    "llama.cpp": error_body("the request is too large", type="exceed_context_size_error"),
    "vLLM": {"message": "This model's maximum context length is 8 tokens. However, you requested 9"},
    "Gemini": [{"error": {"message": "The input token count (9) exceeds the maximum number of tokens"}}],
}

REFUSALS = {
    "401": (status(401, error_body(f"Incorrect API key provided: {KEY}.")), "key-refused", 4),
    "403": (status(403, error_body("Country not supported")), "key-refused", 4),
    "400": (status(400, error_body("messages: roles must alternate")), "request-refused", 3),
    "422 of FastAPI": (status(422, {"detail": [{"msg": "bad"}]}), "request-refused", 3),
    "400 of older vLLM": (status(400, {"message": "no", "code": 400}), "request-refused", 3),
    "400 of Gemini": (status(400, [{"error": {"code": 400, "message": "no"}}]), "request-refused", 3),
    "400 in plain words": (status(400, "no"), "request-refused", 3),
    "413": (status(413, "<html>too large</html>"), "request-refused", 3),
    "quota": (status(429, error_body("You exceeded …", code="insufficient_quota")), "server-busy", 1),
    "501": (status(501, "streaming is not supported"), "server-failed", 1),
    "a redirect": (status(307, "", location="https://elsewhere.example/v1?key=1"), "not-a-server", 4),
    "a reply that does not stream": (status(200, {"choices": []}), "server-failed", 1),
    **{f"too long, {who}": (status(400, body), "prompt-too-long", 3) for who, body in TOO_LONG.items()},
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_is_an_error_at_once(case: str) -> None:
    script, id, exit_code = REFUSALS[case]
    with talking(script, key=KEY) as client:
        error = client.refuse()
        assert (error.id, error.exit_code) == (id, exit_code)
        assert client.server.url in error.message or error.id == "prompt-too-long"
        assert len(client.server.asked) == 1
        assert client.pauses == []


def test_what_a_server_says_is_quoted_on_one_line_without_the_key() -> None:
    with talking(
        status(401, error_body(f"Incorrect\n\nAPI key: {KEY}.\x1b[31m" + "x" * 999)), key=KEY
    ) as client:
        (note,) = client.refuse().notes
    assert note.startswith("it says: Incorrect API key: ….")
    assert len(note) < 320


def test_a_missing_key_is_told_apart_from_a_wrong_one() -> None:
    with talking(status(401, error_body("no"))) as client:
        error = client.refuse()
    assert error.id == "no-key"
    assert error.helps == ("set OPENAI_API_KEY to a key of this server",)


def test_a_redirect_is_told_and_neither_prompt_nor_key_goes_there() -> None:
    with serving(says("caught")) as other:
        with talking(status(308, "", location=f"{other.url}/chat/completions?token=x"), key=KEY) as client:
            error = client.refuse()
        assert error.notes == (f"it names {other.url}/chat/completions",)
        assert other.asked == []


MODELS = {"object": "list", "data": [{"id": "qwen3:0.6b"}, {"id": "models/mm"}, {"id": "llama"}]}


def test_an_unknown_model_is_told_with_those_there_are() -> None:
    with talking(status(404, error_body("model 'm' not found")), status(200, MODELS)) as client:
        error = client.refuse()
        assert [asked.path for asked in client.server.asked] == ["/v1/chat/completions", "/v1/models"]
    assert (error.id, error.exit_code) == ("no-such-model", 4)
    assert error.helps == ("did you mean `mm`?", "it offers `qwen3:0.6b`, `mm`, `llama`")


@pytest.mark.parametrize(
    "script", [status(404), status(200, "[[["), status(200, {"data": 3}), Exchange.cut], ids=str
)
def test_an_unknown_model_of_a_server_that_does_not_list_them(script: Script) -> None:
    with talking(status(404, error_body("The model `m` does not exist.")), script) as client:
        error = client.refuse()
    assert error.id == "no-such-model"
    assert error.notes == ("it says: The model `m` does not exist.",)


def test_an_address_without_an_api_is_told() -> None:
    with talking(status(404, "<html>nginx</html>")) as client:
        error = client.refuse()
    assert error.id == "not-a-server"
    assert "OPENAI_API_BASE" in error.helps[0]


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504, 529])
def test_a_passing_fault_is_tried_again(code: int) -> None:
    with talking(status(code), status(code), says("at last")) as client:
        assert client.ask() == "at last"
        first, second = client.pauses
    assert 0.3 < first < 0.7 < second < 1.3


@pytest.mark.parametrize(("code", "id"), [(429, "server-busy"), (503, "server-busy"), (500, "server-failed")])
def test_trying_again_has_an_end(code: int, id: str) -> None:
    with talking(status(code, error_body("overloaded"))) as client:
        error = client.refuse()
        assert len(client.server.asked) == TRIES
    assert (error.id, error.exit_code, error.notes) == (id, 1, ("it says: overloaded",))


RETRY_AFTER = {
    "7": 7.0,
    "0": 0.0,
    "1.5": 1.5,
    format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True): 0.0,
}


@pytest.mark.parametrize("header", RETRY_AFTER)
def test_retry_after_is_obeyed(header: str) -> None:
    with talking(status(429, "", retry_after=header), says("ok")) as client:
        assert client.ask() == "ok"
        assert client.pauses == [RETRY_AFTER[header]]


def test_retry_after_may_be_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    with talking(status(503, "", retry_after=date), says("ok")) as client:
        assert client.ask() == "ok"
        assert 25 < client.pauses[0] <= 30


@pytest.mark.parametrize("header", ["soon", "nan", "", "-3"])
def test_retry_after_that_makes_no_sense_is_passed_over(header: str) -> None:
    with talking(status(429, "", retry_after=header), says("ok")) as client:
        assert client.ask() == "ok"
        assert client.pauses[0] < 1


def test_a_server_that_asks_for_hours_is_not_waited_for() -> None:
    with talking(status(429, "", retry_after="7200")) as client:
        error = client.refuse()
        assert client.pauses == []
    assert error.helps == ("it asks to wait for 7200 seconds",)


def drop(exchange: Exchange) -> None:
    exchange.cut()


def drop_after_the_head(exchange: Exchange) -> None:
    exchange.begin()
    exchange.cut()


def drop_in_the_first_event(exchange: Exchange) -> None:
    exchange.begin()
    exchange.send(b"40\r\ndata: {")
    exchange.cut()


def end_without_a_word(exchange: Exchange) -> None:
    exchange.begin()
    exchange.end()


def role_only(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say(role="assistant")
    exchange.cut()


@pytest.mark.parametrize(
    "fault", [drop, drop_after_the_head, drop_in_the_first_event, end_without_a_word, role_only]
)
def test_a_dropped_connection_before_the_first_token_is_tried_again(fault: Script) -> None:
    with talking(fault, says("again")) as client:
        assert client.ask() == "again"
        assert len(client.pauses) == 1


def test_a_dropped_connection_again_and_again_is_an_error() -> None:
    with talking(drop) as client:
        assert client.refuse().id == "server-failed"
        assert len(client.server.asked) == TRIES


def cut_in_an_event(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("half")
    exchange.send(b'40\r\ndata: {"choices": [{"del')
    exchange.cut()


def cut_between_events(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("half")
    exchange.cut()


def end_early(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("half")
    exchange.end()


def fail_in_the_stream(exchange: Exchange) -> None:
    exchange.begin()
    exchange.say("half")
    exchange.event(error_body("CUDA out of memory", code=500))
    exchange.end()


def malformed(data: Any) -> Script:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("half")
        exchange.event(data)
        exchange.finish()

    return script


@pytest.mark.parametrize(
    "fault",
    [
        cut_in_an_event,
        cut_between_events,
        end_early,
        fail_in_the_stream,
        malformed("{"),
        malformed("[1, 2]"),
        malformed("NaN"),
        malformed({"choices": 3}),
        malformed({"choices": [3]}),
        malformed({"choices": [{"delta": {"content": 7}}]}),
        malformed({"choices": [{"delta": 7}]}),
        malformed("[" * 100_000),
    ],
)
def test_nothing_is_tried_again_once_something_has_come(fault: Script) -> None:
    with talking(fault, says("not asked")) as client:
        seen = []
        with pytest.raises(GenerationError) as caught:
            for piece in client.engine.stream(request()):
                seen.append(piece)
        assert caught.value.id == "server-failed"
        assert seen == [Chunk("half")]
        assert len(client.server.asked) == 1


def test_an_error_in_the_stream_before_the_first_token_is_judged_by_its_code() -> None:
    def busy(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event(error_body("slow down", code=429))
        exchange.end()

    with talking(busy, says("ok")) as client:
        assert client.ask() == "ok"


def test_a_filtered_reply_is_an_error_and_not_an_answer() -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("I ")
        exchange.finish("content_filter")

    with talking(script) as client:
        assert client.refuse().id == "reply-withheld"


def test_a_slow_first_token_is_waited_for_and_too_slow_a_one_is_not() -> None:
    gate = Gate()

    def slow(exchange: Exchange) -> None:
        exchange.begin()
        gate.wait()
        exchange.say("late")
        exchange.finish()

    with talking(slow, between=0.01) as client:
        stream = client.engine.stream(request())
        opener = threading.Timer(0.1, gate.open)
        opener.start()
        assert next(stream) == Chunk("late")
        opener.join()
    with talking(lambda exchange: exchange.wait_until_closed(), first=0.05) as client:
        error = client.refuse()
        assert (error.id, error.exit_code, len(client.server.asked)) == ("server-timeout", 1, 1)
        assert "nothing within 0.05 seconds" in error.message


def keep_alive(exchange: Exchange) -> None:
    """A server that says it is alive, for ever."""
    exchange.begin()
    closed = threading.Event()
    threading.Thread(target=lambda: (exchange.wait_until_closed(), closed.set()), daemon=True).start()
    while not closed.wait(0.01):
        exchange.chunk(b": keep-alive\n\n")


def test_comments_are_no_tokens() -> None:
    with talking(keep_alive, first=0.2) as client:
        error = client.refuse()
    assert error.id == "server-timeout"
    assert "no token within 0.2 seconds" in error.message


@pytest.mark.parametrize("whole", [True, False], ids=["between events", "within one"])
def test_a_stall_is_an_error(whole: bool) -> None:
    def stall(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("half")
        if not whole:
            exchange.send(b"40\r\ndata: {")
        exchange.wait_until_closed()

    with talking(stall, between=0.05) as client:
        error = client.refuse()
        assert error.id == "server-timeout"
        assert "nothing more within 0.05 seconds" in error.message


def test_closing_the_iterator_closes_the_connection_at_once() -> None:
    closed = Gate()

    def endless(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("one")
        exchange.wait_until_closed()
        closed.open()

    with talking(endless) as client:
        stream = client.engine.stream(request())
        assert next(stream) == Chunk("one")
        stream.close()
        closed.wait()


def test_connections_are_used_again_and_one_that_the_server_closed_is_not() -> None:
    def reply_and_close(exchange: Exchange) -> None:
        exchange.reply("bye")
        exchange.cut()

    with talking(says("one"), says("two"), reply_and_close, says("three")) as client:
        assert [client.ask() for _ in range(4)] == ["one", "two", "bye", "three"]
        peers = [asked.peer for asked in client.server.asked]
        assert peers[0] == peers[1] == peers[2] != peers[3]
        assert client.pauses == []


def gzipped(exchange: Exchange) -> None:
    data = zipped(piece("packed"), piece(reason="stop"), "[DONE]")
    exchange.head(content_type="text/event-stream", content_encoding="gzip", content_length=str(len(data)))
    exchange.send(data)


def test_a_compressed_reply_is_read() -> None:
    with talking(gzipped) as client:
        assert client.ask() == "packed"


def test_a_compressed_reply_that_is_damaged_is_an_error() -> None:
    def damaged(exchange: Exchange) -> None:
        exchange.head(content_type="text/event-stream", content_encoding="gzip", content_length="9")
        exchange.send(b"not gzip!")

    with talking(damaged) as client:
        assert client.refuse().id == "server-failed"


@pytest.mark.parametrize("packed", [True, False], ids=["compressed", "plain"])
def test_an_event_without_an_end_is_bounded(packed: bool) -> None:
    """A line of 64 MB, which compressed is 64 KB, is not kept in memory."""

    def script(exchange: Exchange) -> None:
        line = b"data: " + b" " * (64 << 20)
        if packed:
            import gzip

            data = gzip.compress(line, 1)
            exchange.head(
                content_type="text/event-stream", content_encoding="gzip", content_length=str(len(data))
            )
            exchange.send(data)
        else:
            exchange.head(content_type="text/event-stream", content_length=str(len(line)))
            exchange.send(line)

    with talking(script) as client:
        error = client.refuse()
    assert error.id == "server-failed"
    assert "exceeded" in error.message


def test_the_whole_of_a_reply_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_LONGEST_REPLY", 1 << 20)

    def endless(exchange: Exchange) -> None:
        exchange.begin()
        while True:
            exchange.say("x" * 10_000)

    with talking(endless) as client:
        assert client.refuse().id == "server-failed"


def test_an_error_of_any_size_is_bounded() -> None:
    def endless(exchange: Exchange) -> None:
        exchange.head(400, content_type="text/plain", transfer_encoding="chunked")
        while True:
            exchange.chunk(b"x" * 65536)

    with talking(endless) as client:
        assert client.refuse().id == "request-refused"


def test_bytes_that_are_no_text_are_replaced() -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.chunk(event(piece("a?b")).replace(b"?", b"\xff"))
        smile = event(piece("?")).replace(b'"?"', '"\N{GRINNING FACE}"'.encode())
        middle = smile.index("\N{GRINNING FACE}".encode()) + 2
        exchange.chunk(smile[:middle])
        exchange.chunk(smile[middle:])
        exchange.finish()

    with talking(script) as client:
        assert client.ask() == "a\ufffdb\N{GRINNING FACE}"


ENDINGS: dict[str, Callable[[Exchange], None]] = {
    "as OpenAI": lambda exchange: exchange.finish(),
    "no [DONE]": lambda exchange: (exchange.event(piece(reason="stop")), exchange.end()),
    "no reason": lambda exchange: (exchange.event("[DONE]"), exchange.end()),
    "a cut after the reason": lambda exchange: (exchange.event(piece(reason="stop")), exchange.cut()),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_stream_may_end_in_several_ways(ending: str) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("whole")
        ENDINGS[ending](exchange)

    with talking(script) as client:
        assert [type(piece).__name__ for piece in client.pieces()] == ["Chunk", "Finish"]


def test_a_stream_that_is_held_open_after_its_end_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_END_SECONDS", 0.05)

    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say("whole")
        exchange.event("[DONE]")
        exchange.wait_until_closed()

    with talking(script) as client:
        assert client.ask() == "whole"


def test_usage_reasons_and_thought_are_told() -> None:
    counts = {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 8}}

    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.say(reasoning_content="hm ")
        exchange.say(reasoning="so")
        exchange.say("yes")
        exchange.finish("length", counts)

    with talking(script) as client:
        *chunks, finish = client.pieces()
    assert chunks == [Chunk(thought="hm "), Chunk(thought="so"), Chunk("yes")]
    assert (finish.reason, finish.usage) == ("length", Usage(9, 8, 4))


@pytest.mark.parametrize(
    "usage", [{}, {"prompt_tokens": "many"}, {"prompt_tokens": -1}, {"prompt_tokens_details": 3}]
)
def test_usage_that_makes_no_sense_counts_nothing(usage: dict[str, Any]) -> None:
    with talking(lambda exchange: exchange.reply("a", usage)) as client:
        assert client.pieces()[-1].usage == Usage()


def test_a_server_that_refuses_the_wish_for_usage_is_asked_without_it() -> None:
    def no_usage(exchange: Exchange) -> None:
        if "stream_options" in exchange.asked.body:
            exchange.plain(400, error_body("Unknown field: stream_options"))
        else:
            exchange.reply("ok")

    with talking(no_usage) as client:
        assert [client.ask(), client.ask()] == ["ok", "ok"]
        assert len(client.server.asked) == 3
        assert client.pauses == []


def test_a_server_that_is_not_there_is_told_at_once() -> None:
    with serving(says("")) as server:
        client = client_of(server)
    error = client.refuse()
    assert (error.id, error.exit_code) == ("no-such-server", 4)
    assert "connection refused" in error.message
    assert client.pauses == []
    client.engine.close()


def test_a_name_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*given: Any, **named: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    with serving(says("")) as server:
        monkeypatch.setattr(socket, "getaddrinfo", unknown)
        client = client_of(server)
        error = client.refuse()
    assert error.id == "no-such-server"
    client.engine.close()


def test_what_is_no_http_is_an_error() -> None:
    with talking(
        lambda exchange: (exchange.send(b"220 mail.example ESMTP\r\n\r\n"), exchange.cut())
    ) as client:
        assert client.refuse().id == "server-failed"


def test_the_key_is_sent_and_nothing_is_where_there_is_none() -> None:
    with talking(says("ok"), key=KEY) as client:
        client.ask()
        assert client.server.asked[0].headers["authorization"] == f"Bearer {KEY}"
    with talking(says("ok")) as client:
        client.ask()
        assert "authorization" not in client.server.asked[0].headers


def test_no_proxy_stands_between_us_and_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(says("proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        with talking(says("direct")) as client:
            assert client.ask() == "direct"


def test_many_streams_at_once_do_not_mix() -> None:
    """Sixteen replies are open before the first of them goes on."""
    everyone = threading.Barrier(16)

    def script(exchange: Exchange) -> None:
        said = exchange.asked.body["messages"][0]["content"]
        exchange.begin()
        exchange.say(f"{said} ")
        everyone.wait(PATIENCE)
        exchange.say(said)
        exchange.finish()

    with talking(script) as client:
        answers: dict[int, str] = {}
        threads = [
            threading.Thread(target=lambda i=i: answers.__setitem__(i, client.ask(str(i)))) for i in range(16)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
    assert answers == {i: f"{i} {i}" for i in range(16)}


def test_an_engine_that_was_closed_says_so() -> None:
    with talking(says("ok")) as client:
        client.engine.close()
        with pytest.raises(SpnlError, match="has been unloaded"):
            client.ask()


def test_errors_in_the_middle_leave_no_connection_behind() -> None:
    with talking(cut_between_events, says("ok")) as client:
        client.refuse()
        assert Client.ask(client) == "ok"
        assert len({asked.peer for asked in client.server.asked}) == 2
