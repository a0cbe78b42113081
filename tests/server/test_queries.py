"""`/v1/query/execute`: what upstream's client sends, and what it reads of the answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from scripted import ScriptedEngine
from serving import Pool, Reply, ServeProcess, fetch, scripted_server

from spnl.backends.base import Request
from spnl.server.settings import MAX_GENERATIONS

PATH = "/v1/query/execute"


def send(url: str, query: Any, stream: str | None = "false", **headers: str) -> Reply:
    """Send a query as upstream's client does: JSON as plain text, and whether to stream in the address."""
    body = query if isinstance(query, bytes) else json.dumps(query).encode()
    suffix = "" if stream is None else f"?stream={stream}"
    return fetch(f"{url}{PATH}{suffix}", body, Content_Type="text/plain", **headers)


def generate(query: Any, **more: Any) -> dict[str, Any]:
    return {"g": {"model": "tiny", "max_tokens": 0, "temperature": 0.0, "input": query, **more}}


def upstream_reads(reply: Reply, count: int, *, streamed: bool, is_map: bool) -> list[str]:
    """The texts that upstream's client makes of a response, by its source: it knows no other fields."""
    if not streamed:
        choices = reply.json["choices"]
        return [choice["text"] if is_map else choice["message"]["content"] for choice in choices]
    texts = [""] * count
    for line in reply.body.split(b"\n"):
        line = line.removesuffix(b"\r")
        if line.startswith(b"data: ") and line != b"data: [DONE]":
            for choice in json.loads(line[6:])["choices"]:
                texts[choice["index"]] += choice["text"]
    return texts


FRANCE, ITALY = {"user": "What is the capital of France?"}, {"user": "What is the capital of Italy?"}
REPEAT = {"repeat": {"n": 2, **generate({"seq": [FRANCE]})}}
MAP = {
    "map": {
        "metadata": {"model": "tiny", "max_tokens": 20, "temperature": 0.0},
        "inputs": [FRANCE["user"], ITALY["user"]],
    }
}
PARIS, ROME = "The capital of France is Paris.", "The capital of Italy is Rome."


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(("query", "texts"), [(REPEAT, [PARIS, PARIS]), (MAP, [PARIS, ROME])])
def test_what_upstream_sends_is_answered_as_it_reads(
    query: Any, texts: list[str], streamed: bool, tiny_server: ServeProcess
) -> None:
    reply = send(tiny_server.url, query, "true" if streamed else "false")
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/event-stream" if streamed else "application/json")
    assert upstream_reads(reply, 2, streamed=streamed, is_map=query is MAP) == texts


def test_shapes(tiny_server: ServeProcess) -> None:
    assert send(tiny_server.url, generate(FRANCE)).json["object"] == "chat.completion"
    assert send(tiny_server.url, generate(FRANCE), None).json["object"] == "chat.completion"
    assert send(tiny_server.url, REPEAT).json["object"] == "chat.completion"
    assert send(tiny_server.url, MAP).json["object"] == "text_completion"
    events = send(tiny_server.url, REPEAT, "true").events
    assert {event["object"] for event in events} == {"text_completion"}


def test_one_token_without_a_stream(tiny_server: ServeProcess) -> None:
    """Upstream warms caches so: `max_tokens` 1, and no stream."""
    reply = send(tiny_server.url, {"repeat": {"n": 1, **generate(FRANCE, max_tokens=1)}})
    assert reply.json["usage"]["completion_tokens"] == 1


def test_generations_within_generations_run(tiny_server: ServeProcess) -> None:
    inner = {"cross": [{"system": "Answer."}, {"plus": [generate(ITALY), {"user": ""}]}, FRANCE]}
    query = {"seq": [{"user": "before"}, generate(inner), {"print": "printed"}]}
    reply = send(tiny_server.url, query)
    texts = [choice["text"] for choice in reply.json["choices"]]
    assert texts[0] == "before" and texts[2] == "printed" and "Paris" in texts[1]
    streamed = send(
        tiny_server.url, {"seq": [{"user": "before"}, generate(inner), {"print": "printed"}]}, "true"
    )
    assert upstream_reads(streamed, 3, streamed=True, is_map=True) == texts


def test_the_prompt_is_the_querys_messages_in_order() -> None:
    engine = ScriptedEngine()
    with scripted_server(engine) as server:
        structure = {"seq": [{"system": "s"}, {"plus": [{"user": "a"}, {"assistant": "b"}]}, {"user": "c"}]}
        send(server.url, generate(structure, temperature=None))
    (request,) = engine.requests
    assert request.messages == (("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "c"))
    assert (request.sampling.temperature, request.sampling.max_tokens) == (0.6, 2048)


def test_empty_replies_keep_their_places() -> None:
    def script(request: Request) -> Any:
        return "" if request.messages[-1][1] == "b" else request.messages[-1][1]

    query = {"map": {"metadata": {"model": "tiny"}, "inputs": ["a", "b", "c"]}}
    with scripted_server(ScriptedEngine(script)) as server:
        texts = [choice["text"] for choice in send(server.url, query).json["choices"]]
        assert texts == ["a", "", "c"]
        empty = send(server.url, {"map": {"metadata": {"model": "tiny"}, "inputs": []}}, "true")
        assert empty.status == 200 and empty.events == []


AUGMENT = {"augment": {"embedding_model": "m", "body": {"user": "x"}, "doc": ["/etc/passwd", {"Text": ""}]}}
ZIP: Any = {"user": "x"}
for _ in range(12):
    ZIP = {"zip": {"first": ZIP, "second": {"seq": [{"user": "a"}, {"user": "b"}, {"user": "c"}]}}}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        (b"", 400, "bad-query"),
        (b"{", 400, "bad-json"),
        (b"\xff", 400, "not-utf-8"),
        (b"[" * 100_000, 400, "too-deep"),
        ({"file": "/etc/passwd"}, 400, "bad-query"),
        ({"env": "HOME"}, 400, "bad-query"),
        ({"ask": "name?"}, 400, "bad-query"),
        ({"import": "x.spnl"}, 400, "bad-query"),
        (AUGMENT, 400, "bad-query"),
        (generate({"user": "x"}, model="/etc/passwd"), 404, "not-served"),
        (generate({"user": "x"}, model="openai/gpt-5"), 404, "not-served"),
        ({"seq": [generate({"user": "x"}), generate({"user": "x"}, model="other")]}, 404, "not-served"),
        (generate({"user": ""}), 400, "empty-input"),
        (generate({"user": "x"}, max_tokens=100_000), 400, "bad-request"),
        ({"plus": [{"repeat": {"n": 255, **generate({"user": "x"})}}] * 5}, 400, "too-many"),
        ({"map": {"metadata": {"model": "tiny"}, "inputs": ["x"] * (MAX_GENERATIONS + 1)}}, 400, "too-many"),
        (ZIP, 400, "too-many"),
    ],
    ids=lambda value: None,
)  # fmt: skip
def test_what_is_refused(query: Any, status: int, code: str) -> None:
    pool = Pool(ScriptedEngine())
    with scripted_server(pool) as server:
        refused = send(server.url, query)
        assert (refused.status, refused.code) == (status, code)
    assert pool.engine.requests == []
    assert pool.loaded == ["tiny"]


def test_a_wrong_flag_is_refused(tiny_server: ServeProcess) -> None:
    refused = send(tiny_server.url, MAP, "yes")
    assert (refused.status, refused.code, refused.json["error"]["param"]) == (400, "bad-request", "stream")
