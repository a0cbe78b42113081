"""The machine that runs a query: it resumes what is ready, asks for generations, and waits for events.

The generators of `spnl.executor.nodes` say what they want (`spnl.executor.wants`); the machine gets it for
them. So the depth of a query costs memory and not stack, any number of generations may be under way, and one
thread, the caller's, does everything but the waiting for models.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Any

from spnl.backends.base import Chunk, Finish
from spnl.errors import SpnlError
from spnl.executor.answer import Answer, Output, Slot
from spnl.executor.asks import Asks
from spnl.executor.cells import Cell, Memory
from spnl.executor.dispatch import Dispatcher, Models
from spnl.executor.failures import failure_leaf, may_retry, named
from spnl.executor.jobs import Job, reply_of
from spnl.executor.keeping import Keeping
from spnl.executor.nodes import Evaluator
from spnl.executor.observer import Observer
from spnl.executor.options import Resolver, RunOptions
from spnl.executor.results import Execution, Leaf, Reply, Result
from spnl.executor.tasks import Task, is_abandoned, is_in_answer
from spnl.executor.timeline import Timeline
from spnl.executor.wants import Ask, Evaluate, Shared, Together, ValueOf, Want
from spnl.expander import deep_recursion
from spnl.optimizer import optimize
from spnl.query import Bind, Query
from spnl.stores.base import Store


def execute(
    query: Query,
    models: Models,
    output: Output,
    observer: Observer,
    options: RunOptions,
    stores: Sequence[Store] = (),
    memory: Memory | None = None,
) -> Execution:
    """Optimize a query and run it: its answer goes to `output` as it becomes known.

    What is found in `stores` is not generated, and what is generated is kept there. `memory` is what the
    shared values of queries that ran before came to, and keeps those of this one. Raises the first error,
    after cancelling everything that is under way.
    """
    keeping = Keeping(stores, lambda model: models.identity(model, observer.notice))
    memory = memory if memory is not None else Memory()
    try:
        return _Machine(models, output, observer, options, keeping, memory.cells).run(query)
    finally:
        memory.keep_what_is_known()


class _Machine:
    """One run of one query."""

    def __init__(
        self,
        models: Models,
        output: Output,
        observer: Observer,
        options: RunOptions,
        keeping: Keeping,
        cells: dict[Bind, Cell],
    ) -> None:
        self._observer = observer
        self._options = options
        resolver = Resolver(options, observer.notice, lambda model: models.takes_seed(model))
        self._evaluator = Evaluator(resolver)
        self._timeline = Timeline()
        dispatcher = partial(Dispatcher, models, observer, options, timeline=self._timeline)
        self._asks = Asks(dispatcher, self._is_abandoned_job, keeping)
        self._answer = Answer(output)
        self._cells = cells
        self._ready: list[tuple[Task, Any]] = []
        """Tasks that can go on, and what they are given; a stack, so that work goes depth first."""
        self._result: Result | None = None
        self._recovered = False
        self._replies: list[Reply] = []
        self._errors: list[SpnlError] = []

    def run(self, query: Query) -> Execution:
        """Run the query to its end, or to the first error."""
        try:
            with deep_recursion(query.span):
                self._start(Evaluate(optimize(query), self._answer.root), None, 0)
                while True:
                    while self._ready:
                        self._step(*self._ready.pop())
                    if self._result is not None:
                        return self._execution(self._result)
                    self._handle(*self._asks.next_event())
        except BaseException:
            self._asks.cancel()
            if self._options.partial:
                self._answer.settle()
            raise
        finally:
            self._asks.close()

    def _execution(self, result: Result) -> Execution:
        timeline = self._timeline
        replies, errors = tuple(self._replies), tuple(self._errors)
        return Execution(result, replies, errors, tuple(timeline.loads), timeline.seconds)

    def _step(self, task: Task, value: Any) -> None:
        """Give a task what it wanted, and see to what it wants next."""
        if self._recovered and is_abandoned(task):
            return
        try:
            want = task.steps.send(value)
        except StopIteration as stop:
            self._end(task, stop.value)
        except SpnlError as error:
            self._give_up(task, error)
        else:
            self._see_to(task, want)

    def _see_to(self, task: Task, want: Want) -> None:
        """Get a task what it wants."""
        if isinstance(want, Together):
            self._start_all(task, want.wants)
        elif isinstance(want, Shared):
            self._share(task, want)
        else:
            self._start(want, task, 0)

    def _start(self, want: Evaluate | ValueOf | Ask, parent: Task | None, index: int) -> None:
        if isinstance(want, Ask):
            assert parent is not None
            owner = (parent, parent.wave, index, want)
            job = Job(want.model, want.request, want.span, want.draw, owner, want.handling.timeout)
            self._asks.submit(job)
            return
        place, after = want.place, None
        if self._options.keep_going and isinstance(want, Evaluate) and isinstance(place, Slot):
            place, after = place.split(2)
        steps = self._evaluator.result if isinstance(want, Evaluate) else self._evaluator.value
        self._ready.append((Task(steps(want.node, place), parent, index, place, after), None))

    def _start_all(self, task: Task, wants: Any) -> None:
        if not wants:
            self._ready.append((task, []))
            return
        task.gathered = [None] * len(wants)
        task.missing = len(wants)
        before = len(self._ready)
        for index, want in enumerate(wants):
            self._start(want, task, index)
        # The ready list is a stack, and the first in the source is to start first.
        self._ready[before:] = reversed(self._ready[before:])

    def _share(self, task: Task, want: Shared) -> None:
        """Give a task a shared value: at once, when it is computed, or by starting to compute it."""
        cell = self._cells.get(want.bind)
        if cell is None or self._is_given_up(cell):
            cell = self._cells[want.bind] = Cell()
            steps = self._evaluator.shared(want.bind, want.place)
            self._ready.append((Task(steps, cell), None))
        if cell.error is not None:
            self._throw(task, cell.error)
        elif cell.done:
            self._ready.append((task, cell.value))
        else:
            cell.waiting.append(task)

    def _deliver(self, parent: Task | Cell | None, index: int, value: Any) -> None:
        """Hand on what was wanted: to the run, to all who share it, or to the one task that asked."""
        if parent is None:
            self._result = value
        elif isinstance(parent, Cell):
            parent.done, parent.value = True, value
            self._ready.extend((task, value) for task in reversed(parent.waiting))
            parent.waiting.clear()
        elif parent.gathered is None:
            self._ready.append((parent, value))
        else:
            parent.gathered[index] = value
            parent.missing -= 1
            if parent.missing == 0:
                gathered, parent.gathered = parent.gathered, None
                self._ready.append((parent, gathered))

    def _end(self, task: Task, value: Any) -> None:
        """A task has come to a value."""
        if task.after is not None:
            task.after.close()
        self._deliver(task.parent, task.index, value)

    def _give_up(self, task: Task, error: SpnlError) -> None:
        """A task has failed: hand the failure on, or, to keep going, put it where the answer would be."""
        if task.after is None or not is_in_answer(task):
            self._fail(task.parent, error)
            return
        self._recover()
        assert task.place is not None
        task.place.close_until(task.after)
        self._deliver(task.parent, task.index, self._put_failure(error, task.after))

    def _put_failure(self, error: SpnlError, place: Slot) -> Leaf:
        """Show a failure at a place, as the run goes on."""
        leaf = failure_leaf(error)
        self._errors.append(error)
        self._observer.failed(error)
        place.fail(leaf)
        return leaf

    def _fail(self, parent: Task | Cell | None, error: SpnlError) -> None:
        """Hand on a failure: to the caller, to all who share the value, or to the one task that asked."""
        if parent is None:
            raise error
        if isinstance(parent, Cell):
            parent.error = error
            waiting, parent.waiting = parent.waiting, []
            for task in waiting:
                if not (self._recovered and is_abandoned(task)):
                    self._throw(task, error)
        else:
            self._throw(parent, error)

    def _throw(self, task: Task, error: SpnlError) -> None:
        """Let a task see a failure of what it wanted; whatever else it wanted is abandoned."""
        task.gathered = None
        task.wave += 1
        try:
            want = task.steps.throw(error)
        except StopIteration as stop:
            self._recover()
            self._end(task, stop.value)
        except SpnlError as failure:
            self._give_up(task, failure)
        else:
            self._recover()
            self._see_to(task, want)

    def _recover(self) -> None:
        """A task goes on in spite of an error: what it no longer waits for is stopped."""
        self._recovered = True
        self._asks.cancel_abandoned()

    def _is_given_up(self, cell: Cell) -> bool:
        """Whether computing a shared value was given up, because all who waited for it were abandoned."""
        return not cell.done and cell.error is None and all(map(is_abandoned, cell.waiting))

    def _is_abandoned_job(self, job: Job) -> bool:
        task, wave, _, _ = job.owner
        return self._recovered and (wave != task.wave or is_abandoned(task))

    def _handle(self, job: Job, piece: Chunk | Finish | BaseException) -> None:
        """Take one event of a generation: show a piece, deliver a reply, raise a failure."""
        task, _, index, ask = job.owner
        if isinstance(piece, Chunk):
            if job.first is None:
                job.first = perf_counter()
            if piece.thought:
                job.thoughts.append(piece.thought)
                self._observer.thinking(piece.thought)
            if piece.text:
                if job.thoughts and not job.texts:
                    self._observer.thought()
                job.texts.append(piece.text)
                ask.place.stream(piece.text)
        elif isinstance(piece, Finish):
            reply = reply_of(job, piece, self._timeline.of(job))
            self._replies.append(reply)
            self._observer.replied(reply)
            leaf = Leaf("assistant", reply.text, reply, span=job.span)
            ask.place.close(leaf, "model", ask.keep_empty)
            self._deliver(task, index, leaf)
        elif isinstance(piece, SpnlError):
            self._handle_failure(job, piece)
        else:
            raise piece

    def _handle_failure(self, job: Job, error: SpnlError) -> None:
        """A generation has failed: ask once more if that is wanted, or hand the failure on with its place."""
        task, _, index, ask = job.owner
        if job.tries < (ask.handling.retry or 0) and may_retry(error) and ask.place.withdraw():
            self._asks.submit(job.again())
            return
        error = named(error, job, ask)
        if self._options.keep_going and isinstance(ask.place, Slot) and is_in_answer(task):
            self._deliver(task, index, self._put_failure(error, ask.place))
        else:
            self._fail(task, error)
