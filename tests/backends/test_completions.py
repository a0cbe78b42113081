"""Servers that complete texts: one request with a list of prompts for what is asked at the same time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from backends.clients import request
from scripted import PATIENCE, Gate
from scripted_http import Exchange, Script, ScriptedServer, serving

import spnl
from spnl.backends.base import Chunk, Finish, Usage
from spnl.backends.pool import ModelPool
from spnl.backends.servers.address import Address
from spnl.backends.servers.completions import CompletionsEngine
from spnl.backends.servers.dialect import DIALECTS
from spnl.errors import ProgramError, SpnlError


def piece(index: int, text: str = "", reason: str | None = None) -> dict[str, Any]:
    return {"id": "x", "choices": [{"index": index, "text": text, "finish_reason": reason}]}


def complete(exchange: Exchange) -> None:
    """Complete the prompts in turns, the last one first."""
    prompts = list(enumerate(exchange.asked.body["prompt"]))[::-1]
    exchange.begin()
    for index, _ in prompts:
        exchange.event(piece(index, "so "))
    for index, prompt in prompts:
        exchange.event(piece(index, prompt))
        exchange.event(piece(index, reason="length" if prompt == "cut" else "stop"))
    exchange.event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})
    exchange.event("[DONE]")
    exchange.end()


class Gathering(CompletionsEngine):
    """Sends a batch when `expected` generations have joined it."""

    def __init__(self, server: ScriptedServer, expected: int) -> None:
        address = Address(server.url, "url")
        super().__init__(lambda: address, "m", DIALECTS["completions"], pause=lambda seconds: None)
        self._missing = expected
        self._full = Gate()
        self.gather = self._full.wait  # type: ignore[method-assign]

    def _join(self, member: Any, body: dict[str, Any]) -> None:
        super()._join(member, body)
        with self._joining:
            self._missing -= 1
        if self._missing == 0:
            self._full.open()


@contextmanager
def gathering(script: Script, expected: int) -> Iterator[tuple[Gathering, ScriptedServer]]:
    with serving(script) as server:
        engine = Gathering(server, expected)
        yield engine, server
        engine.close()


def ask_all(engine: CompletionsEngine, prompts: list[str]) -> dict[str, Any]:
    """What comes for each prompt, each asked in a thread of its own: pieces, or the error."""
    said: dict[str, Any] = {}

    def ask(prompt: str) -> None:
        try:
            said[prompt] = list(engine.stream(request(prompt)))
        except SpnlError as error:
            said[prompt] = error

    threads = [threading.Thread(target=ask, args=(prompt,)) for prompt in prompts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return said


def test_what_is_asked_together_is_one_request_in_upstreams_words() -> None:
    with gathering(complete, 3) as (engine, server):
        said = ask_all(engine, ["a", "b", "cut"])
        (body,) = server.bodies
    assert server.asked[0].path == "/v1/completions"
    assert sorted(body.pop("prompt")) == ["a", "b", "cut"]
    assert body.pop("stream_options") == {"include_usage": True}
    assert body == {"model": "m", "stream": True, "max_tokens": 16, "temperature": 0.6}
    for prompt, pieces in said.items():
        reason = "length" if prompt == "cut" else "stop"
        assert pieces == [Chunk("so "), Chunk(prompt), Finish(reason, Usage())]


def test_usage_is_told_of_one_prompt() -> None:
    with gathering(complete, 1) as (engine, _):
        assert ask_all(engine, ["a"])["a"][-1].usage == Usage(7, 0, 3)


def test_each_has_an_error_of_its_own() -> None:
    with gathering(lambda exchange: exchange.plain(400, "no"), 2) as (engine, _):
        first, second = ask_all(engine, ["a", "b"]).values()
    assert first is not second
    assert (first.id, second.id) == ("request-refused", "request-refused")


@pytest.mark.parametrize("index", [2, -1, "0", None])
def test_a_reply_to_nobody_is_an_error(index: Any) -> None:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event(piece(index, "x"))
        exchange.end()

    with gathering(script, 1) as (engine, _):
        assert ask_all(engine, ["a"])["a"].id == "server-failed"


def test_the_connection_is_closed_when_nobody_waits_any_more() -> None:
    closed, more = Gate(), Gate()

    def endless(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event(piece(0, "one"))
        more.wait()
        exchange.event(piece(0, "two"))
        exchange.wait_until_closed()
        closed.open()

    with gathering(endless, 1) as (engine, _):
        stream = engine.stream(request("a"))
        assert next(stream) == Chunk("one")
        stream.close()  # type: ignore[attr-defined]
        more.open()
        closed.wait()


def test_roles_are_refused() -> None:
    with gathering(complete, 1) as (engine, server):
        with pytest.raises(ProgramError) as caught:
            list(engine.stream(request([("system", "s"), ("user", "a")])))
        assert server.asked == []
    assert caught.value.id == "no-chat-template"


def test_a_server_of_the_configuration_is_asked_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(complete) as server:
        config = tmp_path / "config.toml"
        config.write_text(f'[servers.base]\nurl = "{server.url}"\nkind = "completions"\n')
        monkeypatch.setenv("SPNL_CONFIG", str(config))
        pool = ModelPool()
        answer = spnl.run('(map (model "base/m") (inputs "a" "b" "c"))', models=pool)
        pool.unload_all()
        assert answer.text == "so a\nso b\nso c"
        assert sorted(prompt for body in server.bodies for prompt in body["prompt"]) == ["a", "b", "c"]
        assert {asked.path for asked in server.asked} == {"/v1/completions"}
