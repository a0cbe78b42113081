"""The line of work before one engine, and what of it may begin: the state that scheduling has.

Whoever drives a line has the threads and the waiting: `spnl.executor.dispatch` for one run, the server's gate
for the requests of all its clients. A line is told what is to be done and what has been heard of it, and says
what to stream next. It takes no locks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter

from spnl.backends.base import Chunk, Engine, Finish, worth
from spnl.executor.batches import Room, next_batch
from spnl.executor.jobs import Job
from spnl.executor.order import Order

LEAVING_SECONDS = 10.0
"""How long work waits for an engine that has not yet noticed that a stream was given up: it may be in the
midst of a long prompt. An engine that takes longer is asked all the same."""


class Line:
    """What waits for one engine, and what it has under way.

    `parallel` is how many jobs are under way at once (None: what the engine is worth). `is_unwanted` says
    whether nobody waits for a job any more. No job is passed by more than `patience` others that came later
    (None: by any number).
    """

    def __init__(
        self, parallel: int | None, is_unwanted: Callable[[Job], bool], patience: int | None = None
    ) -> None:
        self.engine: Engine | None = None
        """Set by `serve`; whoever drives the line may let go of it while nothing is under way."""
        self.active: set[Job] = set()
        """Jobs under way that somebody waits for."""
        self.leader: Job | None = None
        """What runs ahead of a batch, so that the engine has read what its prompts share."""
        self._parallel = parallel
        self._is_unwanted = is_unwanted
        self._order: Order[Job] = Order(patience=patience)
        self._batch: deque[Job] = deque()
        """What is to be started next, together."""
        self._silent: set[Job] = set()
        """Those under way of which nothing has come: their prompts are being read."""
        self._leaving: dict[Job, float] = {}
        """Those given up whose engine has not noticed yet, and since when."""

    def __len__(self) -> int:
        """How many jobs wait."""
        return len(self._order) + len(self._batch)

    @property
    def streams(self) -> int:
        """How many streams are open: also what runs ahead, and what was given up and has not ended."""
        return len(self.active) + len(self._leaving) + (self.leader is not None)

    @property
    def is_engaged(self) -> bool:
        """Whether what was begun has to end before the engine may be another."""
        return bool(self._batch or self.active or self.leader is not None or self._is_reading())

    def serve(self, engine: Engine) -> None:
        """Let jobs begin, on this engine."""
        self.engine = engine
        self._order.remember(engine.batching.lending)

    def add(self, job: Job, *, first: bool = False) -> None:
        """Let a job wait behind all others, or before them."""
        self._order.add(job, first=first)

    def leave(self, job: Job) -> None:
        """A job waits no more; it has not begun."""
        if job in self._batch:
            self._batch.remove(job)
        elif job in self._order:
            self._order.take(job)

    def clear(self) -> list[Job]:
        """Let nothing wait any more; gives what did."""
        jobs = [*self._batch, *self._order]
        self._batch.clear()
        self._order.clear()
        return jobs

    def has_wanted(self) -> bool:
        """Whether somebody waits for something that could be chosen; it is the first in the order then."""
        while self._order:
            job = next(iter(self._order))
            if not self._is_unwanted(job):
                return True
            self._order.take(job)
        return False

    def begin(self, *, choose: bool = True) -> Job | None:
        """The next job to stream, which counts as under way from now on; None if there is none for now.

        Without `choose`, only of what has been chosen to run with something that has begun.
        """
        while self.engine is not None and self.leader is None:
            if self._batch:
                if self._is_reading():
                    return None
                job = self._batch.popleft()
                if not self._is_unwanted(job):
                    self.active.add(job)
                    self._silent.add(job)
                    return job
            elif not (choose and self._has_room(self.engine) and self.has_wanted()):
                return None
            else:
                self._choose(self.engine)
                if self.leader is not None:
                    self._silent.add(self.leader)
                    return self.leader
        return None

    def heard(self, job: Job, piece: Chunk | Finish | BaseException) -> None:
        """Something has come of a job under way; anything but a `Chunk` is its end."""
        self._silent.discard(job)
        if isinstance(piece, Chunk):
            return
        self.active.discard(job)
        self._leaving.pop(job, None)
        if job is self.leader or isinstance(piece, Finish):
            self._order.finished(job.blocks)
        if job is self.leader:
            self.leader = None

    def give_up(self, job: Job) -> None:
        """Nobody waits for a job under way any more, but its stream is still open."""
        self.active.discard(job)
        self._silent.discard(job)
        if job is self.leader:
            self.leader = None
        self._leaving[job] = perf_counter()

    def _is_reading(self) -> bool:
        """Whether the engine has as many prompts as it reads at once, also of streams that were given up."""
        reading = len(self._silent)
        if self._leaving:
            oldest = perf_counter() - LEAVING_SECONDS
            reading += sum(since > oldest for since in self._leaving.values())
        return self.engine is not None and reading >= self.engine.batching.prefills

    def _has_room(self, engine: Engine) -> bool:
        """Whether something may be chosen while what is under way goes on."""
        return len(self.active) < (1 if engine.batching.equal_only else worth(engine, self._parallel))

    def _choose(self, engine: Engine) -> None:
        """Choose what runs next, and what runs ahead of it."""
        most = worth(engine, self._parallel) - len(self.active)
        room = Room(most, engine.batching.streams if self._parallel is None else most)
        batch = next_batch(self._order, engine, room, self._is_unwanted)
        self._batch.extend(batch.jobs)
        if batch.leader is not None:
            self.leader = Job(batch.jobs[0].model, batch.leader, None, 0, None)
