"""One engine and many clients: order, fullness, leaving, deadlines, and the end of the server."""

from __future__ import annotations

import json
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from scripted import PATIENCE, Gate, ScriptedEngine
from serving import Pool, Scripted, ServeProcess, ask, connect, fetch, request_bytes, scripted_server

from spnl.backends.base import Batching, Request
from spnl.errors import GenerationError, ModelError, UsageError
from spnl.query import Sampling
from spnl.server import sharing
from spnl.server.served import ServedModels
from spnl.server.settings import ServerSettings

CHAT = "/v1/chat/completions"
CPU = Batching(streams=8, prefills=1, equal_only=True, lending=16)


def gated(gate: Gate) -> Any:
    """A script that waits at a gate after its first word."""

    def script(request: Request) -> Any:
        yield request.messages[-1][1]
        gate.wait()
        yield " end"

    return script


def said(reply: Any) -> str:
    return str(reply.json["choices"][0]["message"]["content"])


def wait_until(condition: threading.Condition, fact: Any) -> None:
    """Wait until something is so; whoever changes it tells the condition."""
    with condition:
        assert condition.wait_for(fact, PATIENCE)


def wait_for_line(server: Scripted, count: int) -> None:
    """Wait until so many generations stand at the gate. Nobody tells when they do, so the server is asked."""
    end = monotonic() + PATIENCE
    while f"spnl_queue {count}.0" not in fetch(f"{server.url}/metrics").body.decode():
        assert monotonic() < end, "the line is not so long"


def test_requests_go_in_the_order_in_which_they_came() -> None:
    gate = Gate()
    engine = ScriptedEngine(gated(gate))
    with scripted_server(engine) as server, ThreadPoolExecutor(8) as clients:
        replies = []
        for index in range(8):
            replies.append(clients.submit(fetch, server.url + CHAT, ask(f"q{index}")))
            if index == 0:
                engine.wait_for_open(1)
            wait_for_line(server, index)
        gate.open()
        assert [said(reply.result()) for reply in replies] == [f"q{index} end" for index in range(8)]
    assert engine.asked == [f"q{index}" for index in range(8)]
    assert engine.most_open == 1


def test_as_many_at_once_as_the_engine_is_worth() -> None:
    gate = Gate()
    engine = ScriptedEngine(gated(gate), parallel=3)
    with scripted_server(engine) as server, ThreadPoolExecutor(5) as clients:
        replies = [clients.submit(fetch, server.url + CHAT, ask(f"q{index}")) for index in range(5)]
        engine.wait_for_open(3)
        gate.open()
        assert sorted(said(reply.result()) for reply in replies) == [f"q{index} end" for index in range(5)]
    assert engine.most_open == 3


def test_a_client_with_much_to_ask_does_not_hold_up_others() -> None:
    """A map of five has one place in the line at a time, so a question that comes later is second."""
    gate = Gate()
    engine = ScriptedEngine(gated(gate))
    query = {"map": {"metadata": {"model": "tiny"}, "inputs": [f"m{index}" for index in range(5)]}}
    with scripted_server(engine) as server, ThreadPoolExecutor(2) as clients:
        many = clients.submit(fetch, f"{server.url}/v1/query/execute", query)
        engine.wait_for_open(1)
        one = clients.submit(fetch, server.url + CHAT, ask("one"))
        wait_for_line(server, 1)
        gate.open()
        assert said(one.result()) == "one end"
        assert [choice["text"] for choice in many.result().json["choices"]] == [f"m{i} end" for i in range(5)]
    assert engine.asked[:2] == ["m0", "one"]


def test_what_decodes_together_runs_together_whoever_asked() -> None:
    """On a CPU: those of one length come as a batch, and one of another length waits for its end."""
    gate, later = Gate(), Gate()

    def script(request: Request) -> Any:
        return gated(gate if request.messages[-1][1] == "x" else later)(request)

    engine = ScriptedEngine(script, parallel=4, batching=CPU)
    with scripted_server(engine) as server, ThreadPoolExecutor(6) as clients:
        replies = []
        for index, text in enumerate(["x", "a b", "c d e", "f g", "h i"]):
            replies.append(clients.submit(fetch, server.url + CHAT, ask(text)))
            if index == 0:
                engine.wait_for_open(1)
            wait_for_line(server, index)
        gate.open()
        engine.wait_for_open(3)
        later.open()
        assert [said(reply.result()) for reply in replies] == [
            "x end", "a b end", "c d e end", "f g end", "h i end"
        ]  # fmt: skip
    assert engine.asked == ["x", "a b", "f g", "h i", "c d e"]


def test_what_several_clients_ask_alike_is_read_ahead_once() -> None:
    gate = Gate()
    engine = ScriptedEngine(gated(gate), parallel=4, batching=CPU)
    with scripted_server(engine) as server, ThreadPoolExecutor(6) as clients:
        first = clients.submit(fetch, server.url + CHAT, ask("first"))
        engine.wait_for_open(1)
        system = {"role": "system", "content": "rule " * 200}
        bodies = [ask(text) for text in ("a b", "a b", "a b")]
        for body in bodies:
            body["messages"].insert(0, system)
        replies = [clients.submit(fetch, server.url + CHAT, body) for body in bodies]
        wait_for_line(server, 3)
        gate.open()
        assert said(first.result()) == "first end"
        assert sorted(said(reply.result()) for reply in replies) == ["a b end"] * 3
    limits = [request.sampling.max_tokens for request in engine.requests]
    assert len(limits) == 5 and limits[1] == 1 and 1 not in limits[2:]


def test_models_take_turns() -> None:
    """While one model has much to do, others that are asked for wait for one turn of it and not for all."""
    gate = Gate()
    engines = {name: ScriptedEngine(gated(gate)) for name in ("one", "two")}
    asked: list[str] = []
    for engine in engines.values():
        engine.script = lambda request, script=engine.script: (  # type: ignore[misc]
            asked.append(request.messages[-1][1]),
            script(request),
        )[1]
    pool = Pool(engines["one"], **engines)
    with (
        scripted_server(pool, models=("one", "two")) as server,
        ThreadPoolExecutor(8) as clients,
    ):
        replies = []
        for index, name in enumerate(["one", "one", "one", "two", "two"]):
            replies.append(clients.submit(fetch, server.url + CHAT, ask(f"{name}{index}") | {"model": name}))
            if index == 0:
                engines["one"].wait_for_open(1)
            wait_for_line(server, index)
        gate.open()
        assert [reply.result().status for reply in replies] == [200] * 5
    assert asked == ["one0", "two3", "one1", "two4", "one2"]


def test_a_full_house_answers_429_and_says_when_to_come_again() -> None:
    gate = Gate()
    engine = ScriptedEngine(gated(gate))
    with scripted_server(engine, most_requests=2) as server, ThreadPoolExecutor(2) as clients:
        inside = [clients.submit(fetch, server.url + CHAT, ask("in")) for _ in range(2)]
        engine.wait_for_open(1)
        wait_for_line(server, 1)
        refused = fetch(server.url + CHAT, ask("out"))
        assert (refused.status, refused.code) == (429, "busy")
        assert re.fullmatch(r"[1-9]\d?", refused.headers["Retry-After"])
        gate.open()
        assert [reply.result().status for reply in inside] == [200, 200]
        assert fetch(server.url + CHAT, ask("again")).status == 200
    assert "out" not in engine.asked


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_stops_its_generation(stream: bool) -> None:
    told = threading.Condition()
    pieces = 0

    def endless(request: Request) -> Any:
        nonlocal pieces
        while True:
            with told:
                pieces += 1
                told.notify_all()
            yield "word "

    engine = ScriptedEngine(endless)
    with scripted_server(engine) as server:
        connection = connect(server.url)
        connection.sendall(request_bytes(CHAT, ask("go on", stream=stream)))
        if stream:
            assert connection.recv(15).startswith(b"HTTP/1.1 200")
        wait_until(told, lambda: pieces > 3)
        connection.close()
        engine.wait_for_open(0)
        assert engine.cancelled == 1
        assert fetch(f"{server.url}/health").status == 200
    assert [record["error"] for record in server.log if record["path"] == CHAT] == ["client-gone"]


def test_a_client_that_leaves_the_line_is_never_asked_for() -> None:
    gate = Gate()
    engine = ScriptedEngine(gated(gate))
    with scripted_server(engine) as server, ThreadPoolExecutor(1) as clients:
        first = clients.submit(fetch, server.url + CHAT, ask("first"))
        engine.wait_for_open(1)
        with connect(server.url) as second:
            second.sendall(request_bytes(CHAT, ask("second")))
            wait_for_line(server, 1)
        wait_for_line(server, 0)
        gate.open()
        assert said(first.result()) == "first end"
    assert engine.asked == ["first"]


def test_a_request_has_its_time_and_no_more() -> None:
    gate = Gate()
    engine = ScriptedEngine(gated(gate))
    with scripted_server(engine, timeout=0.2) as server:
        late = fetch(server.url + CHAT, ask("slow"))
        assert (late.status, late.code) == (504, "timeout")
        streamed = fetch(server.url + CHAT, ask("slow", stream=True))
        gate.open()
        engine.wait_for_open(0)
    if streamed.status == 200:
        assert (
            json.loads(streamed.body.split(b"\n\n")[-2].removeprefix(b"data: "))["error"]["code"] == "timeout"
        )
    else:
        assert streamed.code == "timeout"


def test_what_fails_before_it_begins_has_its_status_and_later_an_event() -> None:
    def script(request: Request) -> Any:
        if request.messages[-1][1] == "late":
            yield "begun"
        raise GenerationError("engine-failed", "the engine failed: it broke", detail="secret detail")

    with scripted_server(ScriptedEngine(script)) as server:
        for stream in (False, True):
            failed = fetch(server.url + CHAT, ask("early", stream=stream))
            assert (failed.status, failed.code) == (500, "engine-failed")
            assert b"secret" not in failed.body
        late = fetch(server.url + CHAT, ask("late", stream=True))
        assert late.status == 200
        *_, last, end = late.body.decode().split("\n\n")
        assert json.loads(last.removeprefix("data: "))["error"]["code"] == "engine-failed"
        assert end == "" and "[DONE]" not in late.body.decode()


def test_a_fault_of_ours_tells_the_keeper_and_not_the_client() -> None:
    def script(request: Request) -> Any:
        raise RuntimeError("/home/secret")

    with scripted_server(ScriptedEngine(script)) as server:
        failed = fetch(server.url + CHAT, ask("x"))
        assert (failed.status, failed.code) == (500, "internal")
        assert b"secret" not in failed.body
    assert any("/home/secret" in line for line in server.said)


def test_models_that_are_allowed_are_loaded_when_asked_for_and_no_others() -> None:
    pool = Pool(ScriptedEngine())
    with scripted_server(pool, allowed=("org/other",)) as server:
        assert pool.loaded == ["tiny"]
        for name in ("mistralrs/org/other", "org/other"):
            assert said(fetch(server.url + CHAT, ask("x") | {"model": name})) == "x"
        assert pool.loaded == ["tiny", "org/other"]
        for name in ("../tiny", "org/new", "TINY", "tiny ", "/etc/passwd", "openai/gpt-5", "tiny\x00"):
            refused = fetch(server.url + CHAT, ask("x") | {"model": name})
            assert (refused.status, refused.code) == (404, "not-served")
        assert pool.loaded == ["tiny", "org/other"]
        listed = fetch(f"{server.url}/v1/models").json["data"]
        assert [(model["id"], model["loaded"]) for model in listed] == [("tiny", True), ("org/other", True)]


def test_only_models_of_this_machine_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the configuration says that a name is of a server, or of an alias for one."""
    config = tmp_path / "config.toml"
    config.write_text(
        '[servers.gpu]\nurl = "http://localhost:1/v1"\n[aliases]\nfar = "gpu/x"\nnear = "mistralrs/tiny"\n'
    )
    monkeypatch.setenv("SPNL_CONFIG", str(config))
    for name in ("gpu/x", "far", "openai/gpt-5"):
        with pytest.raises(UsageError) as caught:
            ServedModels((name,), (), Pool(ScriptedEngine()), print).find_all()
        assert caught.value.id == "not-here"
    ServedModels(("near",), (), Pool(ScriptedEngine()), print).find_all()


def test_a_model_that_cannot_be_loaded_tells_no_paths() -> None:
    fault = ModelError("damaged-model", "/home/me/models/x.gguf is cut off")
    pool = Pool(ScriptedEngine(), faults={"broken": fault})
    with scripted_server(pool, allowed=("broken",)) as server:
        failed = fetch(server.url + CHAT, ask("x") | {"model": "broken"})
        assert (failed.status, failed.code) == (503, "damaged-model")
        assert b"/home" not in failed.body
        assert fetch(server.url + CHAT, ask("x")).status == 200
    assert any("/home/me/models" in line for line in server.said)


def test_an_idle_model_is_unloaded_and_comes_back() -> None:
    gate = Gate()
    pool = Pool(ScriptedEngine(gated(gate)))
    with scripted_server(pool, idle=0.2) as server, ThreadPoolExecutor(1) as clients:
        busy = clients.submit(fetch, server.url + CHAT, ask("x"))
        pool.engine.wait_for_open(1)
        with pool.changed:
            assert not pool.changed.wait_for(lambda: bool(pool.unloaded), 0.6), "it is in use"
        gate.open()
        assert busy.result().status == 200
        wait_until(pool.changed, lambda: pool.unloaded == ["tiny"])
        assert fetch(f"{server.url}/v1/models/tiny").json["loaded"] is False
        assert fetch(server.url + CHAT, ask("x")).status == 200


def test_metrics_count() -> None:
    with scripted_server(ScriptedEngine()) as server:
        fetch(server.url + CHAT, ask("one two three"))
        fetch(server.url + "/nowhere/" + "x" * 50)
        text = fetch(f"{server.url}/metrics").body.decode()
    assert 'spnl_requests_total{path="/v1/chat/completions",status="200"} 1.0' in text
    assert 'spnl_requests_total{path="other",status="404"} 1.0' in text
    assert 'spnl_tokens_total{kind="completion",model="tiny"} 3.0' in text
    assert 'spnl_time_to_first_token_seconds_count{model="tiny"} 1.0' in text
    assert "spnl_models_loaded 1.0" in text and "spnl_queue 0.0" in text


@pytest.mark.parametrize("contents", [False, True])
def test_the_log_holds_contents_only_where_asked(contents: bool) -> None:
    with scripted_server(ScriptedEngine(), log_contents=contents) as server:
        reply = fetch(server.url + CHAT, ask("a private question"))
    (record,) = server.log
    assert record["id"] == reply.headers["X-Request-Id"]
    assert (record["status"], record["model"], record["completion_tokens"]) == (200, "tiny", 3)
    assert ("private" in json.dumps(record)) is contents


def test_told_to_stop_it_finishes_what_is_under_way() -> None:
    gate = Gate()
    engine = ScriptedEngine(gated(gate))
    with scripted_server(engine, grace=PATIENCE) as server, ThreadPoolExecutor(1) as clients:
        under_way = clients.submit(fetch, server.url + CHAT, ask("x"))
        engine.wait_for_open(1)
        server.listening.should_exit = True
        with pytest.raises(OSError):
            while True:
                fetch(f"{server.url}/health")
        gate.open()
        assert said(under_way.result()) == "x end"


def test_what_does_not_finish_in_its_grace_is_cut_and_told_so() -> None:
    gate = Gate()
    engine = ScriptedEngine(gated(gate))
    with scripted_server(engine, grace=0.1) as server, ThreadPoolExecutor(2) as clients:
        whole = clients.submit(fetch, server.url + CHAT, ask("x"))
        engine.wait_for_open(1)
        server.listening.should_exit = True
        assert (whole.result().status, whole.result().code) == (503, "stopping")
    gate.open()
    engine.wait_for_open(0)


def test_sigterm_ends_the_process_with_code_0() -> None:
    with ServeProcess("tiny") as server:
        assert fetch(server.url + CHAT, ask("What is the capital of Italy?")).status == 200
        assert server.end(signal.SIGTERM) == 0
    assert [json.loads(line)["status"] for line in server.log] == [200]
    assert not any("Traceback" in line for line in server.notices)


def test_the_gate_lets_nobody_slip_in_and_loses_nobody() -> None:
    """Many threads, some of which are stopped while they wait: the width is kept, and all come out."""
    gate = sharing.Gate()
    engine = ScriptedEngine(parallel=2)
    request = Request((("user", "x"),), Sampling(max_tokens=1, temperature=0.0))
    inside, most, done = 0, 0, 0
    lock = threading.Lock()

    def go(index: int) -> None:
        nonlocal inside, most, done
        stop = sharing.Stop()
        if index % 3 == 0:
            threading.Thread(target=stop.stop, args=(GenerationError("engine-failed", "stopped"),)).start()
        try:
            with gate.turn("tiny", engine, request, stop):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1
        except GenerationError:
            pass
        with lock:
            done += 1

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(go, range(600)))
    assert (inside, done, gate.waiting, gate.through) == (0, 600, 0, 0)
    assert 1 <= most <= 2


def test_defaults_are_those_of_the_documentation() -> None:
    from spnl.commands.serve import command

    defaults = ServerSettings(models=())
    shown = {option.name: option.default for option in command.params}
    assert (shown["port"], shown["max_requests"], shown["max_tokens"]) == (
        defaults.port,
        defaults.most_requests,
        defaults.max_tokens,
    )
    assert (shown["timeout"], shown["grace"]) == (defaults.timeout, defaults.grace)
    assert shown["max_body"] * 1024 * 1024 == defaults.max_body
