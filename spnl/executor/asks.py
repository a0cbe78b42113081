"""What is asked, and what of it needs no model: nothing is generated twice.

The machine asks here and not of the dispatcher; what an ask comes to are the same events, wherever they come
from. An ask at temperature 0 that equals one before it (the same model, messages and sampling) is given that
one's reply; while that one is under way, it is joined, and what the model says goes to all who asked. Where
the run has stores, replies are looked for there first, and finished ones are kept there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter

from spnl.backends.base import Chunk, Finish, Request
from spnl.errors import SpnlError
from spnl.executor.dispatch import Dispatcher
from spnl.executor.jobs import Event, Job, copied
from spnl.executor.keeping import Keeping, Slot
from spnl.executor.results import Origin
from spnl.stores.base import Kept

Question = tuple[str, Request]
"""A model's name, and what it is asked."""


class _Work:
    """One generation under way: the job that was submitted for it, and all that it is done for.

    `question` is None for a draw, which nobody can join; `slot` is where the reply will be kept, if it is.
    """

    __slots__ = ("jobs", "pieces", "question", "slot", "submitted")

    def __init__(self, question: Question | None, slot: Slot | None, job: Job) -> None:
        self.question = question
        self.slot = slot
        self.submitted = job
        self.jobs = [job]
        self.pieces: list[Chunk] = []


class Asks:
    """Gets jobs done, by a dispatcher or without one, and gives back their events.

    `is_abandoned` says whether nobody waits for a job any more; `dispatcher` makes the dispatcher, given that
    for the jobs which are submitted to it. `keeping` has the stores of the run.
    """

    def __init__(
        self,
        dispatcher: Callable[[Callable[[Job], bool]], Dispatcher],
        is_abandoned: Callable[[Job], bool],
        keeping: Keeping,
    ) -> None:
        self._dispatcher = dispatcher(self._is_unwanted)
        self._keeping = keeping
        self._is_abandoned = is_abandoned
        self._known: dict[Question, Kept] = {}
        self._under_way: dict[Question, _Work] = {}
        self._works: dict[Job, _Work] = {}
        """The work for which a job was submitted."""
        self._streaming: set[_Work] = set()
        """Work of which something has come; there is as much of it as engines stream at once."""
        self._replays: deque[tuple[Job, Kept]] = deque()
        self._events: deque[Event] = deque()
        """What is to be given out before anything else is waited for."""

    def submit(self, job: Job) -> None:
        """Have a job done: by a model, unless its reply is known or on its way."""
        request = job.request
        if request.top_logprobs is not None or not (request.sampling.temperature == 0 or self._keeping):
            self._dispatcher.submit(job)
        elif request.sampling.temperature != 0:
            self._look_up(job, None)
        else:
            self._share_or_look_up(job, (job.model, request))

    def next_event(self) -> Event:
        """The next thing that happens to a job, which is waited for.

        An exception in place of a piece means that the job failed.
        """
        while not self._events:
            if self._replays:
                self._replay(*self._replays.popleft())
                continue
            submitted, piece = self._dispatcher.next_event()
            work = self._works.get(submitted)
            if work is None:
                return submitted, piece
            self._share(work, piece)
        return self._events.popleft()

    def cancel_abandoned(self) -> None:
        """Stop what nobody waits for any more."""
        self._dispatcher.cancel_abandoned()
        self._events = deque(event for event in self._events if not self._is_abandoned(event[0]))
        for work in list(self._streaming):
            self._drop_abandoned(work)
            if not work.jobs:
                self._end(work)

    def cancel(self) -> None:
        """Stop everything."""
        self._dispatcher.cancel()

    def close(self) -> None:
        """Let the dispatcher's threads go."""
        self._dispatcher.close()

    def _share_or_look_up(self, job: Job, question: Question) -> None:
        """Let a job have the reply to an equal one, if there is one; else look it up."""
        known = self._known.get(question)
        work = self._under_way.get(question)
        if known is not None:
            self._reuse(job, known, "program")
        elif work is not None and not all(map(self._is_abandoned, work.jobs)):
            self._join(job, work)
        else:
            self._look_up(job, question)

    def _look_up(self, job: Job, question: Question | None) -> None:
        """Let a job have the reply that is kept for it; else submit it."""
        try:
            slot = self._keeping.slot(job.model, job.request) if self._keeping else None
        except SpnlError as error:
            self._events.append((job, error))
            return
        found = self._keeping.find(slot) if slot is not None else None
        if found is not None:
            self._reuse(job, *found)
            if question is not None:
                self._known[question] = found[0]
            return
        work = self._works[job] = _Work(question, slot, job)
        if question is not None:
            self._under_way[question] = work
        self._dispatcher.submit(job)

    def _reuse(self, job: Job, kept: Kept, origin: Origin) -> None:
        job.reused = origin
        self._replays.append((job, kept))

    def _is_unwanted(self, submitted: Job) -> bool:
        """Whether nobody waits for what a submitted job does, neither who submitted it nor who joined."""
        work = self._works.get(submitted)
        return all(map(self._is_abandoned, work.jobs)) if work is not None else self._is_abandoned(submitted)

    def _replay(self, job: Job, kept: Kept) -> None:
        """Let a job have a reply that is there, unless nobody waits for it any more."""
        if self._is_abandoned(job):
            return
        job.started = perf_counter()
        if kept.text or kept.thought:
            self._events.append((job, Chunk(kept.text, kept.thought)))
        self._events.append((job, Finish(kept.reason, kept.usage)))

    def _join(self, job: Job, work: _Work) -> None:
        """Let a job have what another one like it is being told, from the beginning."""
        job.reused = "program"
        work.jobs.append(job)
        if work in self._streaming:
            job.started = perf_counter()
        self._events.extend((job, piece) for piece in work.pieces)

    def _share(self, work: _Work, piece: Chunk | Finish | BaseException) -> None:
        """Give one event of some work to all it is done for."""
        if work not in self._streaming:
            self._streaming.add(work)
            self._drop_abandoned(work)
            for job in work.jobs:
                job.started = work.submitted.started
        if isinstance(piece, Chunk):
            work.pieces.append(piece)
            self._events.extend((job, piece) for job in work.jobs)
            return
        self._end(work)
        if work.slot is not None and not isinstance(piece, Finish):
            self._keeping.release(work.slot)
        if isinstance(piece, Finish):
            kept = _kept(work.pieces, piece)
            if work.question is not None:
                self._known[work.question] = kept
            if work.slot is not None:
                self._keeping.keep(work.slot, kept)
            self._events.extend((job, piece) for job in work.jobs)
        elif isinstance(piece, SpnlError):
            # Each has a place of its own in the program, which is put into the error.
            self._events.extend((job, copied(piece)) for job in work.jobs)
        else:
            raise piece

    def _end(self, work: _Work) -> None:
        """Forget work that is over."""
        del self._works[work.submitted]
        self._streaming.discard(work)
        if work.question is not None and self._under_way.get(work.question) is work:
            del self._under_way[work.question]

    def _drop_abandoned(self, work: _Work) -> None:
        """Leave out the jobs that nobody waits for any more; the first of the others is not a reuse."""
        work.jobs = [job for job in work.jobs if not self._is_abandoned(job)]
        if work.jobs:
            work.jobs[0].reused = None


def _kept(pieces: list[Chunk], finish: Finish) -> Kept:
    text = "".join([piece.text for piece in pieces])
    thought = "".join([piece.thought for piece in pieces])
    return Kept(text, thought, finish.reason, finish.usage)
