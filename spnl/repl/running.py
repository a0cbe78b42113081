"""Running what a session asks for: the answer is shown while it is made, and kept."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from spnl.console import Console, TextAnswer
from spnl.errors import ModelError
from spnl.executor.answer import Output, Style
from spnl.executor.cells import Memory
from spnl.executor.dispatch import Models
from spnl.executor.machine import execute
from spnl.executor.options import RunOptions
from spnl.executor.results import NOTHING, Leaf, Reply
from spnl.frozen import Frozen
from spnl.query import Query
from spnl.repl.recovery import Entry, Pool, RecordingModels, ReplayingModels
from spnl.teller import Teller


class Ran(Frozen):
    """What a run left: the text that was shown, the replies that are complete, and how long it took.

    `is_answer` says that the query came to something, `interrupted` that the person stopped it.
    """

    text: str
    replies: tuple[Reply, ...] = ()
    seconds: float = 0.0
    is_answer: bool = True
    interrupted: bool = False


class KeptAnswer(Output):
    """Shows an answer, and keeps what it has shown."""

    def __init__(self, onward: Output) -> None:
        self.is_live = onward.is_live
        self._onward = onward
        self._leaves: list[list[str]] = []

    @property
    def text(self) -> str:
        """What was shown so far."""
        return "\n".join("".join(pieces) for pieces in self._leaves)

    def begin(self, style: Style) -> None:
        """A new leaf starts."""
        self._leaves.append([])
        self._onward.begin(style)

    def write(self, text: str) -> None:
        """More of the leaf's text."""
        self._leaves[-1].append(text)
        self._onward.write(text)

    def end(self, leaf: Leaf) -> None:
        """The leaf is complete."""
        self._onward.end(leaf)


class SessionTeller(Teller):
    """Tells what a session's runs do: each load is one line, which its time ends."""

    def __init__(self, console: Console, verbose: int) -> None:
        super().__init__(console, verbose)
        self._in_line = False

    def notice(self, text: str) -> None:
        """A notice, on a line of its own."""
        self._end_line("")
        super().notice(text)

    @contextmanager
    def loading(self, model: str, what: str | None) -> Iterator[None]:
        """Say what loads before it does, and how long it took: the engine lets nothing else run meanwhile.

        Ctrl-C is seen when the model is loaded: it would end the session otherwise.
        """
        started = perf_counter()
        if not self._console.quiet:
            self._in_line = True
            self._console.put_safely(f"spnl: loading {what or model} …")
        try:
            yield
        finally:
            self._end_line(f" {perf_counter() - started:.2f} s")

    def _end_line(self, text: str) -> None:
        if self._in_line:
            self._in_line = False
            self._console.say(text)


class Silent(Console):
    """A console that nobody sees."""

    def __init__(self) -> None:
        super().__init__("never", quiet=True)
        self.stdout = io.BytesIO()
        self.stdout_is_terminal = self.stderr_is_terminal = False

    def put(self, text: str) -> None:
        """Write nothing."""


class Runner:
    """Runs queries one after another; what shared values came to lasts."""

    def __init__(self, console: Console, pool: Pool, models: Models, verbose: int) -> None:
        self.pool = pool
        self.models = RecordingModels(models)
        self._console = console
        self._verbose = verbose
        self._memory = Memory()

    def run(self, query: Query, options: RunOptions) -> Ran:
        """Run a query, show its answer, and give back what there is of it. Raises `SpnlError`s."""
        shown = self._answer()
        answer = KeptAnswer(shown)
        teller = SessionTeller(self._console, self._verbose)
        started = perf_counter()
        try:
            execution = execute(query, self.models, answer, teller, options, memory=self._memory)
        except KeyboardInterrupt:
            teller.abandon()
            shown.abandon()
            return Ran(answer.text, seconds=perf_counter() - started, interrupted=True)
        except BaseException:
            teller.abandon()
            shown.abandon()
            raise
        seconds = perf_counter() - started
        shown.finish()
        teller.finish()
        return Ran(answer.text, execution.replies, seconds, is_answer=execution.result != NOTHING)

    def is_loaded(self, model: str) -> bool:
        """Whether a model is in memory."""
        try:
            return self.pool.is_loaded(model)
        except ModelError:
            return False

    def unload(self, model: str | None) -> int:
        """Unload a model, or all of them; how many there were."""
        names = (model,) if model is not None else self.pool.loaded()
        return sum([self.pool.unload(name) for name in names])

    @contextmanager
    def replaying(self, entry: Entry) -> Iterator[None]:
        """Take an entry once more, unseen, with what was said in it before in place of models."""
        before = self.models, self._console
        self.models, self._console = RecordingModels(ReplayingModels(entry)), Silent()
        try:
            yield
        finally:
            self.models, self._console = before

    def show(self, text: str) -> None:
        """Show a text that is there already, as an answer is shown."""
        answer = self._answer()
        answer.begin("plain")
        answer.write(text)
        answer.finish()

    def _answer(self) -> TextAnswer:
        console = self._console
        return console.text_answer(color=console.stdout_color)
