"""What a run tells the user on stderr: notices, loading, thought, prompts, and replies that were cut."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from spnl.backends.base import Request
from spnl.console import Console
from spnl.errors import SpnlError
from spnl.executor.observer import Observer
from spnl.executor.results import Load, Reply
from spnl.fetch_display import FetchDisplay
from spnl.query import Sampling
from spnl.syntax import quote

if TYPE_CHECKING:
    from spnl.progress import Progress
    from spnl.timing import Meter


class Teller(Observer):
    """Tells `console` what a run does; `verbose` 1 adds what is loaded and thought, 2 adds prompts.

    `meter` notes the same for whoever wants to know what the run took.
    """

    def __init__(self, console: Console, verbose: int, meter: Meter | None = None) -> None:
        self._console = console
        self._verbose = verbose
        self._meter = meter
        self._cut: list[Reply] = []
        self._in_thought = False
        self._said_loading = False
        self.wants_details = verbose >= 1
        self.wants_prompts = verbose >= 2
        self.progress = FetchDisplay(console)
        self._together = _progress(console) if console.can_draw and not verbose else None
        if self._together is not None:
            self.generations = self._together

    def notice(self, text: str) -> None:
        """A notice, unless the user asked for quiet."""
        self._console.notice(text)

    @contextmanager
    def loading(self, model: str, what: str | None) -> Iterator[None]:
        """Say what loads before it does: the engine lets nothing else run meanwhile, nor Ctrl-C be seen.

        So the system's own answer to Ctrl-C, death by SIGINT, stands while it loads.
        """
        self._said_loading = what is not None or self._verbose > 0
        if self._said_loading:
            self._console.notice(f"loading {what or model}")
        with _interrupt_kills():
            yield

    def loaded(self, load: Load) -> None:
        """Say how long it took, where it was said that it loads."""
        if self._said_loading:
            self._console.notice(f"loaded {load.model} in {load.seconds:.2f} s")
        if self._meter is not None:
            self._meter.loads.append(load)

    def asked(self, model: str, request: Request, prompt: str | None) -> None:
        """With -vv, the messages of a generation and the prompt they make."""
        if self._verbose < 2:
            return
        sampling = ", ".join(f"{name} {value}" for name, value in _as_written(request.sampling))
        self._console.say_safely(f"--- {model} ({sampling})")
        for role, text in request.messages:
            self._console.say_safely(f"{role}: {text}")
        if prompt is not None:
            self._console.say_safely(f"--- prompt\n{prompt}\n---")

    def thinking(self, thought: str) -> None:
        """A piece of thought, dim, on a terminal or with -v; not among the lines of several replies."""
        if self._together is not None and self._together.is_shown:
            return
        if self._verbose or (self._console.stderr_is_terminal and not self._console.quiet):
            self._in_thought = True
            self._console.put_dim(thought)

    def thought(self) -> None:
        """The thought is over: what follows starts on a new line."""
        if self._in_thought:
            self._in_thought = False
            self._console.put("\n")

    def replied(self, reply: Reply) -> None:
        """Remember replies that were cut, and all of them where they are measured."""
        self.thought()
        if self._meter is not None:
            self._meter.replies.append(reply)
        if reply.reason == "length":
            self._cut.append(reply)

    def failed(self, error: SpnlError) -> None:
        """Draw what failed, as the run goes on without it."""
        from spnl.diagnostics import render

        self.thought()
        self._console.say(render(error, color=self._console.stderr_color))

    def abandon(self) -> None:
        """The run failed: what is drawn goes, and what follows is an error."""
        self._console.end_drawing()

    def finish(self) -> None:
        """What is drawn becomes a sentence; and one note for all replies that a limit cut."""
        self._console.end_drawing()
        summary = self._together.summary() if self._together is not None else None
        if summary is not None:
            self._console.notice(summary)
        self._tell_cut()

    def _tell_cut(self) -> None:
        """The number to raise, where replies were cut."""
        if not self._cut:
            return
        count = len(self._cut)
        what = "the reply was" if count == 1 else f"{count} replies were"
        last = self._cut[-1]
        if last.usage.completion_tokens < last.limit:
            self._console.notice(f"{what} cut where the model's context was full: shorten the input")
            return
        remedy = "raise it with (max-tokens N) or --max-tokens N"
        if any(not reply.text and reply.thought for reply in self._cut):
            what = "a reply" if count == 1 else f"{count} replies"
            remedy += ", or turn thinking off with (think #f) or --no-think"
            self._console.notice(f"{what} ended within the thought, at max-tokens {last.limit}: {remedy}")
        else:
            self._console.notice(f"{what} cut at max-tokens {last.limit}: {remedy}")


def _progress(console: Console) -> Progress:
    from spnl.progress import Progress

    return Progress(console)


def _as_written(sampling: Sampling) -> Iterator[tuple[str, str]]:
    """The parameters that are set, spelt as a program does."""
    for name, value in sampling.given().items():
        texts = [quote(text) for text in value] if isinstance(value, tuple) else [str(value)]
        shown = {True: "#t", False: "#f"}[value] if isinstance(value, bool) else " ".join(texts)
        yield name.replace("_", "-"), shown


@contextmanager
def _interrupt_kills() -> Iterator[None]:
    """Let SIGINT do what the system does, unless it is ignored; only the main thread can say so."""
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
