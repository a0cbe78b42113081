"""Dispatching: which generation runs when, on which engine, in which thread.

Jobs wait in one queue for each model. One model at a time streams, because an engine that is being built
holds Python's lock from start to end, and because models on one device compete for it. Its jobs run in their
order, as many at once as the engine says is worth having. Engines block while they work, so each stream is
consumed by a worker thread; the caller's thread waits for events in a way that an interrupt can break.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Any, Protocol

from spnl.backends.base import Chunk, Engine, Finish, Request
from spnl.errors import GenerationError, Interrupted, SpnlError
from spnl.executor.observer import Observer
from spnl.executor.results import Origin
from spnl.source import Span

WAKE_SECONDS = 0.2
"""How often a waiting caller looks up, so that platforms whose waits cannot be interrupted see Ctrl-C."""


class Models(Protocol):
    """Where engines come from: the pool, or a test's own."""

    def get(self, model: str, notify: Callable[[str], None]) -> Engine:
        """The engine of a model, loaded if it is not yet; `notify` is told what a user should know of it."""
        ...

    def is_loaded(self, model: str) -> bool:
        """Whether `get` would return at once."""
        ...

    def describe(self, model: str, fully: bool) -> str | None:
        """What `get` would load, where that takes a while."""
        ...

    def identity(self, model: str, notify: Callable[[str], None]) -> str:
        """What tells a model from every other, without loading it."""
        ...


class Job:
    """One generation to run: what to ask, of which model, and what has come of it so far.

    `owner` is for whoever submitted the job; the dispatcher does not look at it. `reused` says where the
    reply comes from if it is not generated for this job. Times are of `time.perf_counter`.
    """

    __slots__ = (
        "cancelled", "first", "index", "model", "owner", "request", "reused", "span", "started", "texts",
        "thoughts"
    )  # fmt: skip

    def __init__(self, model: str, request: Request, span: Span | None, index: int, owner: Any) -> None:
        self.model = model
        self.request = request
        self.span = span
        self.index = index
        self.owner = owner
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self.started = 0.0
        self.first: float | None = None
        self.cancelled = False
        self.reused: Origin | None = None


Event = tuple[Job, Chunk | Finish | BaseException]


class Dispatcher:
    """Runs jobs and gives back their events, in the order in which they happen.

    `is_abandoned` says whether nobody waits for a job any more.
    """

    def __init__(self, models: Models, observer: Observer, is_abandoned: Callable[[Job], bool]) -> None:
        self._models = models
        self._observer = observer
        self._is_abandoned = is_abandoned
        self._waiting: dict[str, deque[Job]] = {}
        self._active: set[Job] = set()
        self._model: str | None = None
        self._engine: Engine | None = None
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._work: SimpleQueue[tuple[Engine, Job] | None] = SimpleQueue()
        self._workers: list[threading.Thread] = []

    def submit(self, job: Job) -> None:
        """Queue a job behind those of the same model."""
        self._waiting.setdefault(job.model, deque()).append(job)

    def next_event(self) -> Event:
        """Start what can be started, and wait for the next thing that happens.

        An exception in place of a piece means that the job failed.
        """
        self._start()
        while True:
            assert self._active, "nothing is running, so nothing will ever happen"
            try:
                event = self._events.get(timeout=WAKE_SECONDS)
            except Empty:
                continue
            job, piece = event
            if job.cancelled:
                continue
            if not isinstance(piece, Chunk):
                self._active.discard(job)
            return event

    def cancel_abandoned(self) -> None:
        """Stop the abandoned jobs that run, at their next piece; those that wait are never started."""
        self._cancel([job for job in self._active if self._is_abandoned(job)])

    def cancel(self) -> None:
        """Stop everything."""
        self._waiting.clear()
        self._cancel(list(self._active))

    def _cancel(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.cancelled = True
            self._active.discard(job)

    def close(self) -> None:
        """Let the worker threads go; those of cancelled jobs end when their engine next speaks."""
        for _ in self._workers:
            self._work.put(None)
        self._workers.clear()

    def _start(self) -> None:
        """Start waiting jobs up to what the engine takes at once; change models between streams only."""
        while True:
            queue = self._waiting.get(self._model) if self._model is not None else None
            if queue and self._has_wanted(queue):
                assert self._engine is not None
                if len(self._active) >= self._engine.parallel:
                    return
                self._launch(self._engine, queue.popleft())
            elif self._active or not self._next_model():
                return

    def _has_wanted(self, queue: deque[Job]) -> bool:
        """Whether a queue holds a job that somebody waits for; the first is one then."""
        while queue and self._is_abandoned(queue[0]):
            queue.popleft()
        return bool(queue)

    def _next_model(self) -> bool:
        """Take up the first model that has jobs waiting, loading it; False where there is none."""
        self._waiting = {model: jobs for model, jobs in self._waiting.items() if self._has_wanted(jobs)}
        for model, jobs in self._waiting.items():
            try:
                self._engine = self._load(model)
            except SpnlError as error:
                self._fail_all(jobs, error)
            else:
                self._model = model
            return True
        return False

    def _fail_all(self, jobs: deque[Job], error: SpnlError) -> None:
        """Let each job fail with an error of its own, which is then placed where that job stands."""
        self._active.update(jobs)
        for job in jobs:
            self._events.put((job, copied(error)))
        jobs.clear()

    def _load(self, model: str) -> Engine:
        if self._models.is_loaded(model):
            return self._models.get(model, self._observer.notice)
        with self._observer.loading(model, self._models.describe(model, self._observer.wants_details)):
            return self._models.get(model, self._observer.notice)

    def _launch(self, engine: Engine, job: Job) -> None:
        prompt = engine.render(job.request) if self._observer.wants_prompts else None
        self._observer.asked(job.model, job.request, prompt)
        self._active.add(job)
        if len(self._workers) < len(self._active):
            worker = threading.Thread(target=_work, args=(self._work, self._events), daemon=True)
            worker.name = "spnl-generation"
            self._workers.append(worker)
            worker.start()
        job.started = perf_counter()
        self._work.put((engine, job))


def copied(error: SpnlError) -> SpnlError:
    """An error like another, for a place of its own."""
    copied = type(error).__new__(type(error), *error.args)
    copied.__dict__.update(error.__dict__)
    copied.__cause__ = error.__cause__
    return copied


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
    stream = engine.stream(job.request)
    try:
        for piece in stream:
            if job.cancelled:
                raise Interrupted
            events.put((job, piece))
            if isinstance(piece, Finish):
                return
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()
    raise GenerationError("engine-failed", "the model's reply ended without an end")
