"""Worker threads: engines block while they work, so each stream is consumed by a thread of its own."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue

from spnl.backends.base import Engine, Finish
from spnl.errors import GenerationError, Interrupted
from spnl.executor.jobs import Event, Job

WAKE_SECONDS = 0.2
"""How often a waiting caller looks up, so that platforms whose waits cannot be interrupted see Ctrl-C."""

THREAD_NAME = "spnl-generation"


class Workers:
    """As many threads as there are streams at once, and what comes of those streams.

    A job that is cancelled ends at its next piece, with an event of its own: until then its engine works.
    """

    def __init__(self) -> None:
        self._events: SimpleQueue[Event] = SimpleQueue()
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
        try:
            return self._events.get(timeout=max(0.0, min(seconds, WAKE_SECONDS)))
        except Empty:
            return None

    def close(self) -> None:
        """Let the threads go; those of cancelled jobs end when their engine next speaks."""
        for _ in self._threads:
            self._work.put(None)
        self._threads.clear()


def _work(work: SimpleQueue[tuple[Engine, Job] | None], events: SimpleQueue[Event]) -> None:
    """A worker thread: stream one job after another until told to go."""
    while (item := work.get()) is not None:
        engine, job = item
        try:
            _stream(engine, job, events)
        except BaseException as error:
            # Whatever it is belongs to the caller's thread: here nobody would ever see it.
            events.put((job, error))
        del engine, job, item


def _stream(engine: Engine, job: Job, events: SimpleQueue[Event]) -> None:
    if job.cancelled:
        raise Interrupted
    stream = engine.stream(job.request)
    try:
        for piece in stream:
            if job.cancelled:
                raise Interrupted
            if isinstance(piece, Finish):
                break
            events.put((job, piece))
        else:
            raise GenerationError("engine-failed", "the model's reply ended without an end")
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()
    # Only now, when the engine is free for another stream.
    events.put((job, piece))
