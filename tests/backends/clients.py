"""Clients of scripted servers: engines whose pauses are recorded and not waited for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from scripted_http import Script, ScriptedServer, serving

from spnl.backends.base import Chunk, Finish, Request
from spnl.backends.servers.address import Address
from spnl.backends.servers.connection import Patience
from spnl.backends.servers.dialect import DIALECTS
from spnl.backends.servers.engine import ServerEngine
from spnl.errors import SpnlError
from spnl.query import Sampling

KEY = "sk-0123456789-very-secret"


class Client(NamedTuple):
    """An engine, the server that it speaks to, and how long it paused before each further try."""

    engine: ServerEngine
    server: ScriptedServer
    pauses: list[float]

    def ask(self, messages: str | Sequence[tuple[str, str]] = "hi", **sampling: Any) -> str:
        """The text of a reply."""
        return "".join(piece.text for piece in self.pieces(messages, **sampling)[:-1])

    def pieces(self, messages: str | Sequence[tuple[str, str]] = "hi", **sampling: Any) -> list[Any]:
        """A reply, piece by piece; the last is its finish."""
        pieces = list(self.engine.stream(request(messages, **sampling)))
        assert all(isinstance(piece, Chunk) for piece in pieces[:-1])
        assert isinstance(pieces[-1], Finish)
        return pieces

    def refuse(self, **sampling: Any) -> SpnlError:
        """The error that comes instead of a reply, which never holds the key."""
        with pytest.raises(SpnlError) as caught:
            self.pieces(**sampling)
        error = caught.value
        for text in (error.message, error.detail, *error.notes, *error.helps, repr(error)):
            assert KEY not in text
        return error


def request(messages: str | Sequence[tuple[str, str]] = "hi", **sampling: Any) -> Request:
    """A request as the executor makes them: temperature and tokens are always set."""
    if isinstance(messages, str):
        messages = [("user", messages)]
    return Request(tuple(messages), Sampling(**{"max_tokens": 16, "temperature": 0.6, **sampling}))


def client_of(
    server: ScriptedServer, kind: str = "openai", key: str | None = None, **patience: float
) -> Client:
    """A client of a server that is there."""
    pauses: list[float] = []
    address = Address(server.url, "OPENAI_API_BASE", "OPENAI_API_KEY", key=key)
    engine = ServerEngine(lambda: address, "m", DIALECTS[kind], Patience(**patience), pauses.append)
    return Client(engine, server, pauses)


@contextmanager
def talking(
    *scripts: Script, kind: str = "openai", key: str | None = None, **patience: float
) -> Iterator[Client]:
    """A client of a new server, which replies by one script after another."""
    with serving(*scripts) as server:
        client = client_of(server, kind, key, **patience)
        try:
            yield client
        finally:
            client.engine.close()
