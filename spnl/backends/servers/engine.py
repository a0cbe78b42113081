"""One model of a server: requests in, chunks out, tried again where that can help.

A request is tried again after 429, 5xx and a dropped connection, as long as nothing of the reply has come;
never after, for what has been shown cannot be taken back.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from spnl.backends.base import Batching, Chunk, Finish, Request
from spnl.backends.messages import check_messages
from spnl.backends.servers.address import Address
from spnl.backends.servers.connection import Connection, Patience, Reply
from spnl.backends.servers.dialect import Dialect, sampling_words
from spnl.backends.servers.events import Piece, Reading, Reads
from spnl.backends.servers.failures import LONGEST_WAIT, Asked, Failure, broken
from spnl.errors import GenerationError

TRIES = 5
"""How often a request is sent at most."""

FIRST_PAUSE = 0.5
"""Seconds before the second try where the server does not say how long; each is twice the one before."""

_LONGEST_REPLY = 64 * 1024 * 1024
_END_SECONDS = 1.0
"""How long the usage and the end of a stream are waited for, once the reply is whole."""


class ServerEngine:
    """A model on a server. It takes no memory here, and nothing is asked before the first request.

    `locate` tells where the server is, and with which key; it is asked before each request, so that an engine
    that is kept follows the environment. `pause` waits for so many seconds before another try.
    """

    def __init__(
        self,
        locate: Callable[[], Address],
        model: str,
        dialect: Dialect,
        patience: Patience | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self.parallel = dialect.parallel
        self.batching = Batching()
        self._dialect = dialect
        self._patience = patience or Patience()
        self._pause = pause
        self._locate = locate
        self._model = model
        self._connecting = threading.Lock()
        self._connection: Connection | None = None
        self._closed = False
        self._counts = True
        """Whether the server takes the wish for usage; unset by one that refuses it."""

    def stream(self, request: Request) -> Iterator[Chunk | Finish]:
        """The reply, piece by piece, ending with one `Finish`. Closing the iterator closes the connection."""
        check_messages(request.messages)
        yield from self._ask("chat/completions", self._dialect.body(self._model, request), Reading)

    def _ask(
        self, path: str, body: dict[str, Any], reading: Callable[[Asked], Reads[Piece]]
    ) -> Iterator[Piece]:
        """What comes of a request, as `reading` reads it; tried again where that can help."""
        connection = self._connect()
        asked = Asked(connection.address, self._model, sampling_words(body))
        tries = 0
        while True:
            begun = False
            try:
                for piece in self._try(connection, path, body, reading(asked), asked):
                    begun = True
                    yield piece
                return
            except Failure as failure:
                tries += 1
                if begun:
                    raise failure.error from None
                if self._counts and _is_about_usage(failure):
                    self._counts = False
                    continue
                if not failure.again or tries == TRIES:
                    raise failure.error from None
                wait = failure.wait
            self._pause(_pause_before(tries) if wait is None else min(wait, LONGEST_WAIT))

    def render(self, request: Request) -> str | None:
        """Servers do not tell."""
        return None

    def count_tokens(self, request: Request) -> int | None:
        """No server is asked for that."""
        return None

    def close(self) -> None:
        """Close the connections."""
        with self._connecting:
            self._closed = True
            if self._connection is not None:
                self._connection.close()

    def _connect(self) -> Connection:
        """The connection to where the server is now."""
        address = self._locate()
        with self._connecting:
            if self._closed:
                raise GenerationError("engine-failed", f"{self._model} has been unloaded")
            kept = self._connection
            if kept is None or kept.address != address or kept.address.key != address.key:
                self._connection = kept = Connection(address, self._patience, self.parallel)
            return kept

    def _try(
        self, connection: Connection, path: str, body: dict[str, Any], reading: Reads[Piece], asked: Asked
    ) -> Iterator[Piece]:
        """One try: the pieces of the reply. Raises `Failure`."""
        if not self._counts:
            body = {word: value for word, value in body.items() if word != "stream_options"}
        with connection.post(path, body, asked) as reply:
            yield from self._pieces(reply, reading, asked)
        yield from reading.ending()

    def _pieces(self, reply: Reply, reading: Reads[Piece], asked: Asked) -> Iterator[Piece]:
        """The pieces of a reply, to the end of the stream, so that its connection can be used again."""
        size = 0
        while not reading.done:
            try:
                data = reply.next_event()
            except Failure:
                if not reading.whole:
                    raise
                return  # the reply is whole: what broke off is the rest of the stream
            if data is None:
                break
            size += len(data)
            if size > _LONGEST_REPLY:
                raise Failure(broken(asked, f"sends more than {_LONGEST_REPLY // 1024**2} MB for one reply"))
            pieces = reading.read(data)
            if reading.whole or reading.done:
                reply.deadline.extend(_END_SECONDS)
            elif pieces:
                reply.deadline.extend(self._patience.between)
            yield from pieces
        if not reading.done and not reading.whole:
            raise Failure(broken(asked, "ended the reply in the middle"), again=True)
        reply.drain()


def _is_about_usage(failure: Failure) -> bool:
    """Whether a server refuses to count tokens in a stream."""
    return failure.error.id == "request-refused" and any("stream_options" in n for n in failure.error.notes)


def _pause_before(tries: int) -> float:
    """How long to wait after so many tries: longer each time, and not all callers at the same moment."""
    return float(FIRST_PAUSE * 2 ** (tries - 1) * random.uniform(0.75, 1.25))
