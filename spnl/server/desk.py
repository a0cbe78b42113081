"""The desk: lets requests in, runs each in a thread of its own, and hands its events to the event loop.

Engines block, and so does what drives them, `spnl.executor`. A request's thread ends when its work does, or
at the next piece after the client has gone, the time is up or the server stops.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from time import monotonic

from spnl.backends.base import Chunk, Finish, Request
from spnl.errors import Interrupted
from spnl.executor.dispatch import Dispatcher, Models
from spnl.executor.jobs import Job
from spnl.executor.observer import Observer
from spnl.executor.options import RunOptions
from spnl.executor.timeline import Timeline
from spnl.executor.workers import TOGETHER_SECONDS
from spnl.server.errors import HttpError
from spnl.server.served import ServedModels
from spnl.server.settings import ServerSettings
from spnl.server.sharing import Gate, SharedEngine, SharedModels, Stop

Event = tuple[int, Chunk | Finish]
"""The number of a reply among those asked for, and what is new of it."""

Work = Callable[[Models, Callable[[Event], None]], None]
"""What a request's thread does: it is given the models, and where to put its events."""

_SHORTEST_WAIT, _LONGEST_WAIT = 1, 60
"""Seconds that `Retry-After` may say."""


LONGEST_TOGETHER_SECONDS = 0.05
"""Where several replies are made at once, each is written less often: 20 times a second at least."""


class Seat:
    """One request that was let in: where its events arrive, and how it is stopped.

    `streams` says how many replies are being made, for this request and others.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, streams: Callable[[], int] = lambda: 1) -> None:
        self.stop = Stop()
        self._loop = loop
        self._streams = streams
        self._items: deque[Event | BaseException | None] = deque()
        self._arrived = asyncio.Event()
        self._told = False

    def end(self, error: Exception) -> None:
        """Stop the work, from any thread; whoever takes events gets `error`."""
        if self.stop.stop(error):
            self.put(error)

    def put(self, item: Event | BaseException | None) -> None:
        """Add an event, an error, or None for the end; from any thread."""
        self._items.append(item)
        if not self._told or not isinstance(item, tuple):
            self._told = True
            with suppress(RuntimeError):  # where the loop is closed, nobody waits
                self._loop.call_soon_threadsafe(self._arrived.set)

    async def events(self) -> AsyncIterator[list[Event]]:
        """What has happened since the last time, until the end. Raises what the work raised.

        The first piece is given at once. To wake the loop for every token of a small model would take longer
        than the token: what comes within `TOGETHER_SECONDS` of what was given is given together, and within
        more where several replies share the loop.
        """
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            arrived: list[Event] = []
            while self._items:
                item = self._items.popleft()
                if isinstance(item, tuple):
                    arrived.append(item)
                    continue
                if arrived:
                    yield arrived
                if item is None:
                    return
                raise item
            if arrived:
                yield arrived
                together = min(TOGETHER_SECONDS * max(self._streams(), 1), LONGEST_TOGETHER_SECONDS)
                self._loop.call_later(together, self._look)

    def _look(self) -> None:
        """Wake whoever takes events if there are some; if there are none, the next one does."""
        self._told = False
        if self._items:  # one that is put from now on wakes nobody: whoever takes these looks again
            self._told = True
            self._arrived.set()


class Desk:
    """Where requests of all clients come together."""

    def __init__(self, settings: ServerSettings, served: ServedModels) -> None:
        self._settings = settings
        self._served = served
        self._seats: set[Seat] = set()
        # A thread that is there takes a tenth of a new one's time. Work that was stopped may still hold one.
        self._threads = ThreadPoolExecutor(2 * settings.most_requests, "spnl-request")
        self._pace = 1.0
        self.gate = Gate(settings.parallel)
        self.stopping = False

    @property
    def taken(self) -> int:
        """How many requests are under way or waiting."""
        return len(self._seats)

    @asynccontextmanager
    async def seat(self, models: tuple[str, ...], work: Work) -> AsyncIterator[Seat]:
        """Let a request in, and start its work on models that are served.

        Raises `HttpError`: 503 when the server stops, 429 when it is full. On leaving, the work is stopped.
        """
        if self.stopping:
            raise HttpError(503, "stopping", "the server is stopping", headers={"Retry-After": "5"})
        if len(self._seats) >= self._settings.most_requests:
            raise self._full()
        loop = asyncio.get_running_loop()
        seat = Seat(loop, lambda: self.gate.through)
        late = HttpError(504, "timeout", f"the reply took longer than {self._settings.timeout:g} seconds")
        timer = loop.call_later(self._settings.timeout, seat.end, late)
        self._seats.add(seat)
        started = monotonic()
        self._threads.submit(self._run, seat, models, work)
        try:
            yield seat
        finally:
            timer.cancel()
            self._seats.discard(seat)
            seat.stop.stop(Interrupted())
            self._pace += (monotonic() - started - self._pace) / 8

    def _full(self) -> HttpError:
        """The error of a full house, with a guess when there will be room."""
        seconds = min(max(round(self._pace), _SHORTEST_WAIT), _LONGEST_WAIT)
        message = f"{len(self._seats)} requests are under way or waiting; try again in {seconds} s"
        return HttpError(429, "busy", message, headers={"Retry-After": str(seconds)})

    def _run(self, seat: Seat, models: tuple[str, ...], work: Work) -> None:
        """A request's thread."""
        try:
            with self._served.using(models):
                work(SharedModels(lambda name: self._share(name, seat.stop)), seat.put)
            seat.put(None)
        except BaseException as error:
            seat.put(error)

    def _share(self, name: str, stop: Stop) -> SharedEngine:
        stop.check()
        return SharedEngine(name, self._served.engine(name), self.gate, stop, self._settings.max_tokens)

    def stop(self) -> None:
        """Let nobody in any more; those who are in go on."""
        self.stopping = True

    def cut(self) -> None:
        """Stop those who are still in."""
        for seat in list(self._seats):
            seat.end(HttpError(503, "stopping", "the server is stopping"))


def generations(model: str, requests: tuple[Request, ...]) -> Work:
    """The work of asking a model for replies, each by itself; the executor orders several."""

    def one(models: Models, put: Callable[[Event], None]) -> None:
        for piece in models.get(model, lambda notice: None).stream(requests[0]):
            put((0, piece))

    def several(models: Models, put: Callable[[Event], None]) -> None:
        dispatcher = Dispatcher(models, Observer(), RunOptions(), lambda job: False, Timeline())
        missing = len(requests)
        for index, request in enumerate(requests):
            dispatcher.submit(Job(model, request, None, index, None))
        try:
            while missing:
                job, piece = dispatcher.next_event()
                if isinstance(piece, BaseException):
                    raise piece
                missing -= isinstance(piece, Finish)
                put((job.index, piece))
        except BaseException:
            dispatcher.cancel()
            raise
        finally:
            dispatcher.close()

    return one if len(requests) == 1 else several
