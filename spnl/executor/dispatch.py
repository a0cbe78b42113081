"""Dispatching: which generation runs when, on which engine.

Jobs wait in one line for each model (`spnl.executor.line`). One model at a time streams, because an engine
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
from spnl.executor.jobs import Event, Job, copied
from spnl.executor.line import Line
from spnl.executor.observer import Observer
from spnl.executor.options import RunOptions
from spnl.executor.timeline import Timeline
from spnl.executor.workers import Workers


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
        self._lines: dict[str, Line] = {}
        self._line: Line | None = None
        """The line of the model that streams."""
        self._limited: set[Job] = set()
        """Those under way that may take only so long."""
        self._failed: deque[Event] = deque()
        """Jobs whose model cannot be had."""
        self._workers = Workers()

    def submit(self, job: Job) -> None:
        """Queue a job behind those of the same model; one that is tried again, before them."""
        if job.model not in self._lines:
            self._lines[job.model] = Line(self._parallel, self._is_abandoned)
        self._lines[job.model].add(job, first=job.tries > 0)
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
                message = f"the program has taken longer than {self._timeout:g} s"
                raise GenerationError("timeout", message, helps=("give it more time",))
            late = min(self._limited, key=lambda job: job.deadline, default=None)
            if late is not None and now >= late.deadline:
                self._cancel([late])
                message = f"the reply has taken longer than {late.timeout:g} s"
                helps = ("give it more time with `(timeout SECONDS)`, or fewer tokens with `(max-tokens N)`",)
                return late, GenerationError("timeout", message, helps=helps)
            until = min(late.deadline if late is not None else now + 1, self._deadline)
            assert self._workers.are_busy, "nothing is running, so nothing will happen"
            happened = self._workers.next_event(until - now)
            if happened is not None and self._is_news(*happened):
                return happened

    def cancel_abandoned(self) -> None:
        """Stop the abandoned jobs that run, at their next piece; those that wait are never started."""
        self._cancel([job for job in self._active() if self._is_abandoned(job)])

    def cancel(self) -> None:
        """Stop everything."""
        self._failed.clear()
        for line in self._lines.values():
            line.clear()
            self._cancel([*line.active, *([line.leader] if line.leader is not None else [])])

    def close(self) -> None:
        """Let the worker threads go; those of cancelled jobs end when their engine next speaks."""
        self._workers.close()

    def _active(self) -> list[Job]:
        return [job for line in self._lines.values() for job in line.active]

    def _cancel(self, jobs: list[Job]) -> None:
        for job in jobs:
            job.cancelled = True
            self._limited.discard(job)
            self._lines[job.model].give_up(job)
            self._generations.ended(job)

    def _is_news(self, job: Job, piece: Chunk | Finish | BaseException) -> bool:
        """Take note of an event; whether it is one for the caller."""
        if not isinstance(piece, Chunk):
            self._limited.discard(job)
        line = self._lines[job.model]
        # A leader that fails says nothing: what it ran ahead of will say it.
        is_leader = job is line.leader
        line.heard(job, piece)
        if is_leader or job.cancelled:
            return False
        if isinstance(piece, Chunk):
            self._generations.said(job)
        else:
            self._generations.ended(job)
        return True

    def _start(self) -> None:
        """Start waiting jobs up to what the engine takes at once; change models between streams only."""
        while not self._failed:
            job = self._line.begin() if self._line is not None else None
            if job is not None:
                self._launch(job)
            elif (self._line is not None and self._line.is_engaged) or not self._next_model():
                return

    def _next_model(self) -> bool:
        """Take up a model that has jobs waiting, a loaded one before one that is not; False for none."""
        waiting = [model for model, line in self._lines.items() if line.has_wanted()]
        if not waiting:
            return False
        model = min(waiting, key=lambda model: not self._is_loaded(model))
        # Two models may not fit into memory: the one before is let go of while the next is loaded.
        if self._line is not None:
            self._line.engine = None
            self._line = None
        line = self._lines[model]
        try:
            engine = self._load(model)
        except SpnlError as error:
            # Each job fails with an error of its own, which is then placed where that job stands.
            self._failed.extend((job, copied(error)) for job in line.clear())
            return True
        self._line = line
        line.serve(engine)
        return True

    def _is_loaded(self, model: str) -> bool:
        try:
            return self._models.is_loaded(model)
        except SpnlError:
            return True  # whatever is wrong with it is said when it is asked for

    def _load(self, model: str) -> Engine:
        if self._models.is_loaded(model):
            return self._models.get(model, self._observer.notice)
        what = self._models.describe(model, self._observer.wants_details)
        with self._observer.loading(model, what), self._timeline.loading(model):
            engine = self._models.get(model, self._observer.notice)
        self._observer.loaded(self._timeline.loads[-1])
        return engine

    def _launch(self, job: Job) -> None:
        assert self._line is not None and self._line.engine is not None
        engine = self._line.engine
        if job is not self._line.leader:
            prompt = engine.render(job.request) if self._observer.wants_prompts else None
            self._observer.asked(job.model, job.request, prompt)
            self._generations.began(job, job.request)
            if job.timeout is not None:
                self._limited.add(job)
        self._workers.stream(engine, job)
