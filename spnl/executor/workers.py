"""Worker threads: engines block while they work, so each stream is consumed by a thread of its own."""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from queue import SimpleQueue
from time import perf_counter

from spnl.backends.base import Chunk, Engine, Finish
from spnl.errors import GenerationError, Interrupted
from spnl.executor.jobs import Event, Job

WAKE_SECONDS = 0.2
"""How often a waiting caller looks up, so that platforms whose waits cannot be interrupted see Ctrl-C."""

TOGETHER_SECONDS = 0.02
"""How long a piece may lie that comes so soon after another: nobody sees more than 50 changes a second."""

THREAD_NAME = "spnl-generation"

Work = tuple[Engine, Job] | None
"""What a thread takes: a job to stream, or None, with which it ends."""

Bell = SimpleQueue[None]
"""Wakes a thread, once for each time it is rung."""


class Mailbox:
    """Events on their way from worker threads to the caller's, which is not woken for each of them.

    To be woken for every token takes 3 % of a small model's speed, whose own threads want all cores. So
    whoever has just taken a piece looks again a moment later, and is woken before that only for what is
    urgent. A piece that comes after a pause is taken at once.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._bell = threading.Lock()
        """Rung by releasing it, however often. A `threading.Event` takes ten times as long."""
        self._bell.acquire()
        self._will_look = False
        """Whether the caller's thread looks again by itself."""

    def put(self, event: Event, *, urgent: bool) -> None:
        """Add an event, from any thread."""
        self._events.append(event)
        if (urgent or not self._will_look) and self._bell.locked():
            with suppress(RuntimeError):  # another thread has rung just now
                self._bell.release()

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
        self._bell.acquire(blocking=False)  # it may have been rung for what has been taken since
        if not self._events:
            self._bell.acquire(timeout=max(0.0, seconds))


class Workers:
    """As many threads as there are streams at once, and what comes of those streams.

    A job that is cancelled ends at its next piece, with an event of its own: until then its engine works.
    """

    def __init__(self) -> None:
        self._events = Mailbox()
        self._work: deque[Work] = deque()
        """What threads take when they are woken: so streams begin in the order of asking."""
        self._bells: list[Bell] = []
        self._taken: dict[Job, Bell] = {}
        """Which thread has taken a job; threads write that down themselves."""
        self._idle: list[Bell] = []
        """Those of the threads that have nothing to do. The last of them is rung first: that thread may not
        even have fallen asleep, and what it needs is still in its core's cache."""

    @property
    def are_busy(self) -> bool:
        """Whether a stream is open, so that something will happen."""
        return len(self._idle) < len(self._bells)

    def stream(self, engine: Engine, job: Job) -> None:
        """Have a job streamed."""
        self._work.append((engine, job))
        bell = self._idle.pop() if self._idle else self._new_thread()
        bell.put(None)

    def next_event(self, seconds: float) -> Event | None:
        """The next event; None where none comes within some seconds, or before an interrupt is looked for."""
        event = self._events.get(min(seconds, WAKE_SECONDS))
        if event is not None and not isinstance(event[1], Chunk):
            self._idle.append(self._taken.pop(event[0]))
        return event

    def close(self) -> None:
        """Let the threads go; those of cancelled jobs end when their engine next speaks."""
        # Before any job that has not been taken yet: each thread ends with the next thing that it takes.
        self._work.extendleft([None] * len(self._bells))
        for bell in self._bells:
            bell.put(None)
        self._bells.clear()
        self._idle.clear()

    def _new_thread(self) -> Bell:
        bell: Bell = SimpleQueue()
        self._bells.append(bell)
        arguments = (bell, self._work, self._taken, self._events)
        threading.Thread(target=_serve, args=arguments, name=THREAD_NAME, daemon=True).start()
        return bell


def _serve(bell: Bell, work: deque[Work], taken: dict[Job, Bell], events: Mailbox) -> None:
    """A worker thread: take some work whenever it is woken, until that is to go."""
    while True:
        bell.get()
        item = work.popleft()
        if item is None:
            return
        engine, job = item
        taken[job] = bell
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
