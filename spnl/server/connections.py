"""Connections with limits in time and size: nobody holds one by being slow, or fills memory with headers.

uvicorn limits neither how long a request may take to arrive, nor its headers, nor how long a response may
wait to be read; the parser limits nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from spnl.server.settings import BODY_SECONDS, HEAD_SECONDS, MAX_CONNECTIONS, MAX_HEAD, WRITE_SECONDS

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedConnection(HttpToolsProtocol):
    """One connection. Its deadlines are for the head, for the body, and for reading what is written to it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None
        self._head = 0
        self._in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in, if there are not too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        else:
            self._read_within(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""
        self._read_within(None)
        self._write_within(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes of a request."""
        if self._in_head:
            if self._head == 0:
                self._read_within(HEAD_SECONDS)
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > MAX_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """A request's head is there."""
        self._in_head, self._head = False, 0
        self._read_within(BODY_SECONDS)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A whole request is there; what comes after it is the head of the next."""
        self._in_head = True
        self._read_within(None)
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The buffers are full: the client has to read."""
        super().pause_writing()
        self._write_within(WRITE_SECONDS)

    def resume_writing(self) -> None:
        """It did."""
        super().resume_writing()
        self._write_within(None)

    def _read_within(self, seconds: float | None) -> None:
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)

    def _write_within(self, seconds: float | None) -> None:
        if self._writing is not None:
            self._writing.cancel()
        self._writing = None if seconds is None else self.loop.call_later(seconds, self.transport.abort)
