"""Worker threads: engines block while they work, so each stream is consumed by a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import perf_counter

from spnl.backends.base import Engine, Finish
from spnl.errors import GenerationError, Interrupted
from spnl.executor.jobs import Event, Job

WAKE_SECONDS = 0.2
"""How often a waiting caller looks up, so that platforms whose waits cannot be interrupted see Ctrl-C."""

TOGETHER_SECONDS = 0.02
"""How long a piece may lie that comes so soon after another: nobody sees more than 50 changes a second."""

THREAD_NAME = "spnl-generation"


class Mailbox:
    """Events on their way from worker threads to the caller's, which is not woken for each of them.

    To be woken for every token takes 3 % of a small model's speed, whose own threads want all cores. So
    whoever has just taken a piece looks again a moment later, and is woken before that only for what is
    urgent. A piece that comes after a pause is taken at once.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._bell: SimpleQueue[None] = SimpleQueue()
        """Rings once, however many have rung it; a `threading.Event` takes ten times as long."""
        self._will_look = False
        """Whether the caller's thread looks again by itself."""

    def put(self, event: Event, *, urgent: bool) -> None:
        """Add an event, from any thread."""
        self._events.append(event)
        if (urgent or not self._will_look) and self._bell.empty():
            self._bell.put(None)

    def get(self, seconds: float) -> Event | None:
        """Take the next event; None where none comes within some seconds."""
        if not self._events and self._will_look:
            self._wait(min(seconds, TOGETHER_SECONDS))
        if not self._events:
            # A piece that is put from now on rings; one that was put just before is here.
            self._will_look = False
            if not self._events:
                self._wait(seconds)
        if not self._events:
            return None
        self._will_look = True
        return self._events.popleft()

    def _wait(self, seconds: float) -> None:
        with suppress(Empty):
            self._bell.get_nowait()  # rung for what has been taken since
        if not self._events:
            with suppress(Empty):
                self._bell.get(timeout=max(0.0, seconds))


class Workers:
    """As many threads as there are streams at once, and what comes of those streams.

    A job that is cancelled ends at its next piece, with an event of its own: until then its engine works.
    """

    def __init__(self) -> None:
        self._events = Mailbox()
        self._work: SimpleQueue[tuple[Engine, Job] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    def stream(self, engine: Engine, job: Job, open_streams: int) -> None:
        """Have a job streamed; `open_streams` are open with it."""
        if len(self._threads) < open_streams:
            thread = threading.Thread(target=_work, args=(self._work, self._events), daemon=True)
            thread.name = THREAD_NAME
            self._threads.append(thread)
            thread.start()
        self._work.put((engine, job))

    def next_event(self, seconds: float) -> Event | None:
        """The next event; None where none comes within some seconds, or before an interrupt is looked for."""
        return self._events.get(min(seconds, WAKE_SECONDS))

    def close(self) -> None:
        """Let the threads go; those of cancelled jobs end when their engine next speaks."""
        for _ in self._threads:
            self._work.put(None)
        self._threads.clear()


def _work(work: SimpleQueue[tuple[Engine, Job] | None], events: Mailbox) -> None:
    """A worker thread: stream one job after another until told to go."""
    while (item := work.get()) is not None:
        engine, job = item
        try:
            _stream(engine, job, events)
        except BaseException as error:
            # Whatever it is belongs to the caller's thread: here nobody would ever see it.
            events.put((job, error), urgent=True)
        del engine, job, item


def _stream(engine: Engine, job: Job, events: Mailbox) -> None:
    if job.cancelled:
        raise Interrupted
    stream = engine.stream(job.request)
    job.started = perf_counter()
    is_first = True
    try:
        for piece in stream:
            if job.cancelled:
                raise Interrupted
            if isinstance(piece, Finish):
                break
            # At the first piece the prompt has been read, and the next one may be.
            events.put((job, piece), urgent=is_first)
            is_first = False
        else:
            raise GenerationError("engine-failed", "the model's reply ended without an end")
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()
    # Only now, when the engine is free for another stream.
    events.put((job, piece), urgent=True)
