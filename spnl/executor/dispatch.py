"""Dispatching: which generation runs when, on which engine.

Jobs wait in one line for each model (`spnl.executor.order`). One model at a time streams, because an engine
that is being built holds Python's lock from start to end, and because models on one device compete for it; a
model that is loaded goes before one that is not. Of its jobs run as many at once as the engine says is worth
having. The caller's thread waits for events in a way that an interrupt can break.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter
from typing import Protocol

from spnl.backends.base import Chunk, Engine, Finish
from spnl.errors import GenerationError, SpnlError
from spnl.executor.batches import Room, next_batch
from spnl.executor.jobs import Event, Job, copied
from spnl.executor.observer import Observer
from spnl.executor.options import RunOptions
from spnl.executor.order import Order
from spnl.executor.timeline import Timeline
from spnl.executor.workers import Workers

LEAVING_SECONDS = 10.0
"""How long work waits for an engine that has not yet noticed that a stream was given up: it may be in the
midst of a long prompt. An engine that takes longer is asked all the same."""


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

    def takes_seed(self, model: str) -> bool:
        """Whether a model's draws can be seeded."""
        ...

    def identity(self, model: str, notify: Callable[[str], None]) -> str:
        """What tells a model from every other, without loading it."""
        ...


class Dispatcher:
    """Runs jobs and gives back their events, in the order in which they happen.

    `is_abandoned` says whether nobody waits for a job any more.
    """

    def __init__(
        self,
        models: Models,
        observer: Observer,
        options: RunOptions,
        is_abandoned: Callable[[Job], bool],
        timeline: Timeline,
    ) -> None:
        self._models = models
        self._observer = observer
        self._generations = observer.generations
        self._timeline = timeline
        self._is_abandoned = is_abandoned
        self._parallel = options.parallel
        self._timeout = options.timeout
        self._deadline = perf_counter() + options.timeout if options.timeout is not None else float("inf")
        self._waiting: dict[str, Order[Job]] = {}
        self._model: str | None = None
        self._engine: Engine | None = None
        self._batch: deque[Job] = deque()
        """What is to be started next, together."""
        self._active: set[Job] = set()
        self._limited: set[Job] = set()
        """Those under way that may take only so long."""
        self._silent: set[Job] = set()
        """Those under way of which nothing has come: their prompts are being read."""
        self._leaving: dict[Job, float] = {}
        """Those given up whose engine has not noticed yet, and since when."""
        self._leader: Job | None = None
        """The request that runs ahead of a batch, so that the engine has read what its prompts share."""
        self._failed: deque[Event] = deque()
        """Jobs whose model cannot be had."""
        self._workers = Workers()

    def submit(self, job: Job) -> None:
        """Queue a job behind those of the same model; one that is tried again, before them."""
        if job.model not in self._waiting:
            self._waiting[job.model] = Order()
        self._waiting[job.model].add(job, first=job.tries > 0)
        self._generations.due(job)

    def next_event(self) -> Event:
        """Start what can be started, and wait for the next thing that happens.

        An exception in place of a piece means that the job failed. Raises `GenerationError` `timeout` when
        the whole run has taken too long.
        """
        while True:
            self._start()
            while self._failed:
                event = self._failed.popleft()
                if not self._is_abandoned(event[0]):
                    return event
            now = perf_counter()
            if now >= self._deadline:
                raise GenerationError("timeout", f"the program has taken longer than {self._timeout:g} s")
            late = min(self._limited, key=lambda job: job.deadline, default=None)
            if late is not None and now >= late.deadline:
                self._cancel([late])
                message = f"the reply has taken longer than {late.timeout:g} s"
                return late, GenerationError("timeout", message)
            until = min(late.deadline if late is not None else now + 1, self._deadline)
            assert self._active or self._leader or self._leaving, "nothing is running, so nothing will happen"
            happened = self._workers.next_event(until - now)
            if happened is not None and self._is_news(*happened):
                return happened

    def cancel_abandoned(self) -> None:
        """Stop the abandoned jobs that run, at their next piece; those that wait are never started."""
        self._cancel([job for job in self._active if self._is_abandoned(job)])

    def cancel(self) -> None:
        """Stop everything."""
        self._waiting.clear()
        self._batch.clear()
        self._failed.clear()
        self._cancel([*self._active, *([self._leader] if self._leader is not None else [])])

    def close(self) -> None:
        """Let the worker threads go; those of cancelled jobs end when their engine next speaks."""
        self._workers.close()

    def _cancel(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.cancelled = True
            self._active.discard(job)
            self._limited.discard(job)
            self._silent.discard(job)
            self._leaving[job] = perf_counter()
            self._generations.ended(job)

    def _is_news(self, job: Job, piece: Chunk | Finish | BaseException) -> bool:
        """Take note of an event; whether it is one for the caller."""
        if not isinstance(piece, Chunk):
            self._active.discard(job)
            self._limited.discard(job)
            self._leaving.pop(job, None)
            if isinstance(piece, Finish) and job.model == self._model:
                self._waiting[job.model].finished(job.blocks)
        self._silent.discard(job)
        if job is self._leader:
            # A leader that fails says nothing: what it ran ahead of will say it.
            if not isinstance(piece, Chunk):
                self._leader = None
                self._waiting[job.model].finished(job.blocks)
            return False
        if job.cancelled:
            return False
        if isinstance(piece, Chunk):
            self._generations.said(job)
        else:
            self._generations.ended(job)
        return True

    def _start(self) -> None:
        """Start waiting jobs up to what the engine takes at once; change models between streams only."""
        while self._leader is None and not self._failed:
            queue = self._waiting.get(self._model) if self._model is not None else None
            if self._batch:
                assert self._engine is not None
                if self._is_reading():
                    return
                job = self._batch.popleft()
                if not self._is_abandoned(job):
                    self._launch(self._engine, job)
            elif queue is not None and self._has_wanted(queue):
                if not self._take_batch(queue):
                    return
            elif self._active or self._is_reading() or not self._next_model():
                return

    def _is_reading(self) -> bool:
        """Whether the engine has as many prompts as it reads at once, also of streams that were given up."""
        oldest = perf_counter() - LEAVING_SECONDS
        reading = len(self._silent) + sum(since > oldest for since in self._leaving.values())
        return self._engine is not None and reading >= self._engine.batching.prefills

    def _take_batch(self, queue: Order[Job]) -> bool:
        """Choose what runs next, and start what runs ahead of it; False where there is no room for any."""
        assert self._engine is not None
        engine = self._engine
        streams = engine.batching.streams
        most = min(self._parallel or engine.parallel, streams)
        busy = len(self._active)
        if busy >= (1 if engine.batching.equal_only else most):
            return False
        room = Room(most - busy, streams if self._parallel is None else most - busy)
        batch = next_batch(queue, engine, room, self._is_abandoned)
        self._batch.extend(batch.jobs)
        if batch.leader is not None:
            self._leader = Job(batch.jobs[0].model, batch.leader, None, 0, None)
            self._run(engine, self._leader)
        return True

    def _has_wanted(self, queue: Order[Job]) -> bool:
        """Whether a line holds a job that somebody waits for; the first is one then."""
        while queue:
            job = next(iter(queue))
            if not self._is_abandoned(job):
                return True
            queue.take(job)
        return False

    def _next_model(self) -> bool:
        """Take up a model that has jobs waiting, a loaded one before one that is not; False for none."""
        waiting = [model for model, queue in self._waiting.items() if self._has_wanted(queue)]
        if not waiting:
            return False
        model = min(waiting, key=lambda model: not self._is_loaded(model))
        # Two models may not fit into memory: the one before is let go of while the next is loaded.
        self._engine = self._model = None
        try:
            engine = self._load(model)
        except SpnlError as error:
            self._fail_all(self._waiting.pop(model), error)
            return True
        self._engine, self._model = engine, model
        self._waiting[model].remember(engine.batching.lending)
        return True

    def _is_loaded(self, model: str) -> bool:
        try:
            return self._models.is_loaded(model)
        except SpnlError:
            return True  # whatever is wrong with it is said when it is asked for

    def _fail_all(self, jobs: Order[Job], error: SpnlError) -> None:
        """Let each job fail with an error of its own, which is then placed where that job stands."""
        self._failed.extend((job, copied(error)) for job in jobs)

    def _load(self, model: str) -> Engine:
        if self._models.is_loaded(model):
            return self._models.get(model, self._observer.notice)
        what = self._models.describe(model, self._observer.wants_details)
        with self._observer.loading(model, what), self._timeline.loading(model):
            engine = self._models.get(model, self._observer.notice)
        self._observer.loaded(self._timeline.loads[-1])
        return engine

    def _launch(self, engine: Engine, job: Job) -> None:
        prompt = engine.render(job.request) if self._observer.wants_prompts else None
        self._observer.asked(job.model, job.request, prompt)
        self._active.add(job)
        self._generations.began(job, job.request)
        if job.timeout is not None:
            self._limited.add(job)
        self._run(engine, job)

    def _run(self, engine: Engine, job: Job) -> None:
        self._silent.add(job)
        job.started = perf_counter()
        self._workers.stream(engine, job, len(self._active) + len(self._leaving) + (self._leader is not None))
