"""Listening: the socket, the loop, and the end of a server."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from spnl.errors import UsageError
from spnl.server.app import make_app
from spnl.server.calls import Server
from spnl.server.connections import BoundedConnection
from spnl.server.settings import KEEP_ALIVE_SECONDS

_CUT_SECONDS = 3
"""How long requests that are cut may take to say so to their clients."""

_BACKLOG = 2048
"""Connections that may wait to be accepted."""

_IDLE_LOOKS = 4
"""How often within its time a model that nobody uses is looked for."""


def bind(host: str, port: int) -> socket.socket:
    """A socket at an address, which does not listen yet. Raises `UsageError` where it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError("bad-address", f"`{host}` is no address: {reason.lower()}") from None
    bound = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere this would share the port with whoever has it
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except (OSError, OverflowError) as error:
        bound.close()
        raise _not_free(host, port, error) from None
    return bound


def _not_free(host: str, port: int, error: Exception) -> UsageError:
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    return UsageError(
        "bad-address",
        f"cannot listen at {url_host(host)}:{port}: {reason}",
        helps=("stop what uses the port, or choose another: --port N, or --port 0 for any that is free",),
    )


def url_host(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def listen(server: Server, bound: socket.socket, ready: Callable[[str], None]) -> Listening:
    """What serves at a bound socket: call its `run`. Raises `UsageError` where the address has been taken.

    `ready` is given the URL once clients can connect.
    """
    host, port = bound.getsockname()[:2]
    try:
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise _not_free(host, port, error) from None
    config = uvicorn.Config(
        make_app(server),
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=_BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(server.settings.grace) + _CUT_SECONDS,
    )
    return Listening(config, server, bound, lambda: ready(f"http://{url_host(host)}:{port}"))


class Listening(uvicorn.Server):
    """uvicorn's server with our way to end, and with a look for idle models now and then.

    Told to stop, by SIGTERM or SIGINT, it lets nobody in any more, gives those who are in their time of
    grace, and cuts the rest; at a second SIGINT it ends at once.
    """

    def __init__(
        self, config: uvicorn.Config, server: Server, bound: socket.socket, ready: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._ours = server
        self._bound = bound
        self._ready = ready
        self._tasks: list[asyncio.Task[None]] = []

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop."""
        super().run(sockets or [self._bound])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self._ours.settings.idle is not None:
            self._tasks.append(asyncio.create_task(self._unload_idle(self._ours.settings.idle)))
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests finish, but not for ever."""
        self._ours.desk.stop()
        self._tasks.append(asyncio.create_task(self._cut_late()))
        await super().shutdown(sockets)
        for task in self._tasks:
            task.cancel()

    async def _cut_late(self) -> None:
        await asyncio.sleep(self._ours.settings.grace)
        self._ours.desk.cut()

    async def _unload_idle(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds / _IDLE_LOOKS)
            for name in await asyncio.to_thread(self._ours.served.unload_idle, seconds):
                self._ours.say(f"unloaded {name}: nobody has used it for {seconds:g} s")

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal, and leave it at that: uvicorn would send it to us once more."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
