"""Generations that run together, shown while they run: a line for each, on stderr, gone when they are done.

Imports the console, live lines and what an observer is told.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from time import monotonic

from spnl.backends.base import Request
from spnl.console import Console
from spnl.executor.observer import Generations
from spnl.live import LiveLines
from spnl.visible import visible
from spnl.width import columns, fitted

PATIENCE_SECONDS = 0.5
"""Work that is over before is not worth a display."""

_PREVIEW = 200
"""Characters of a prompt that are looked at for its line."""


class _Running:
    """One generation under way: what it is asked, since when, and how many pieces have come."""

    __slots__ = ("pieces", "preview", "since")

    def __init__(self, preview: str, since: float) -> None:
        self.preview = preview
        self.since = since
        self.pieces = 0


class Progress(Generations):
    """Shows on a terminal what runs, where more than one generation is due, until the answer begins."""

    def __init__(self, console: Console, clock: Callable[[], float] = monotonic) -> None:
        self._console = console
        self._clock = clock
        self._lines: LiveLines | None = None
        self._due = 0
        self._done = 0
        self._running: dict[Hashable, _Running] = {}
        self._since: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether there are lines, or there will be."""
        return self._due > 1 and self._console.can_draw

    def due(self, which: Hashable) -> None:
        """One more is to come."""
        self._due += 1

    def began(self, which: Hashable, request: Request) -> None:
        """A line more."""
        now = self._clock()
        if self._since is None:
            self._since = now
        text = request.messages[-1][1][:_PREVIEW] if request.messages else ""
        self._running[which] = _Running(" ".join(visible(text).split()), now)
        self._draw()

    def said(self, which: Hashable) -> None:
        """A piece more in its line."""
        self._running[which].pieces += 1
        self._draw()

    def ended(self, which: Hashable) -> None:
        """A line less."""
        if self._running.pop(which, None) is not None:
            self._done += 1
            self._draw()

    def summary(self) -> str | None:
        """What was done, in a sentence, if any of it was shown."""
        if self._lines is None or self._since is None:
            return None
        return f"{self._done} generations in {self._clock() - self._since:.1f} s"

    def _draw(self) -> None:
        if not self.is_shown or self._since is None or self._clock() - self._since < PATIENCE_SECONDS:
            return
        if self._lines is None:
            self._lines = self._console.live_lines()
        if self._lines.is_due:
            now = self._clock()
            width = self._lines.width
            running = [self._line(generation, now, width) for generation in self._running.values()]
            self._lines.draw([f"{self._done} of {self._due} generations done", *running])

    def _line(self, running: _Running, now: float, width: int) -> str:
        """What is asked, and at the end of the line how far the reply is."""
        seconds = now - running.since
        # A piece is a token, nearly always: the true count comes with the end only.
        speed = f"{running.pieces / seconds:5.0f}/s" if running.pieces and seconds > 0 else " " * 7
        done = f"{running.pieces:6} tokens {speed}" if running.pieces else "reading the prompt   "
        preview = fitted(running.preview, width - len(done) - 3)
        return f"  {preview}{' ' * (width - len(done) - 2 - columns(preview))}{done}"
