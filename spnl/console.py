"""The terminal's two streams: the answer on stdout, everything else on stderr.

Answers are written as UTF-8 bytes whatever the locale. On a terminal the model's words are green, and control
characters in them are shown rather than obeyed; through a pipe the same text goes out as it is.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Literal, TextIO

from spnl.executor.answer import Style
from spnl.executor.results import Leaf

if TYPE_CHECKING:
    from spnl.live import LiveLines

ColorMode = Literal["auto", "always", "never"]


def wants_color(mode: ColorMode, is_terminal: bool, environ: Mapping[str, str]) -> bool:
    """Whether to colour a stream: `--color` wins, then `NO_COLOR`, then `FORCE_COLOR`, then the terminal."""
    if mode != "auto":
        return mode == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return is_terminal and environ.get("TERM") != "dumb"


class TextAnswer:
    """Writes an answer as text: its leaves one below the other, the model's words live.

    `before` is called before the first of it is written. Without `live`, each is written when it is complete.
    """

    def __init__(
        self,
        stream: BinaryIO,
        *,
        color: bool,
        terminal: bool,
        live: bool = True,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._stream = stream
        self._before = before
        self._color = color
        self._terminal = terminal
        self.is_live = live
        self._begun = False
        self._style: Style = "plain"
        self._colored = False
        self._ends_line = False
        """Whether the leaf's text ends its line; an empty leaf is an empty line."""
        self._is_broken = False
        """Whether the line was ended for something else, which stands below it."""

    def begin(self, style: Style) -> None:
        """A new leaf starts: on a line of its own. The one before may have been broken off."""
        self._uncolor()
        if not self._begun:
            self._before()
        elif not self._is_broken:
            self._put("\n")
        self._begun = True
        self._ends_line = self._is_broken = False
        self._style = style
        self._recolor()

    def write(self, text: str) -> None:
        """More of the leaf's text."""
        if self._terminal:
            from spnl.visible import visible

            text = visible(text)
        if text:
            if self._is_broken:
                self._is_broken = False
                self._recolor()
            self._put(text)
            self._ends_line = text.endswith("\n")
            if self.is_live:
                self._stream.flush()

    def end(self, leaf: Leaf) -> None:
        """The leaf is complete."""
        self._uncolor()
        if self.is_live:
            self._stream.flush()

    def break_line(self) -> None:
        """End the line: something else is to be written on the same terminal."""
        if self._begun and not self._ends_line:
            self._uncolor()
            self._put("\n")
            self._stream.flush()
            self._is_broken = True

    def _recolor(self) -> None:
        if self._color and self._style == "model":
            from colorama import Fore

            self._colored = True
            self._put(Fore.GREEN)

    def _uncolor(self) -> None:
        if self._colored:
            from colorama import Style as Reset

            self._colored = False
            self._put(Reset.RESET_ALL)

    def finish(self) -> None:
        """The answer ends here: with a newline, and in the terminal's own colour."""
        self._uncolor()
        if self._begun and not self._ends_line:
            self._put("\n")
        self._stream.flush()

    def abandon(self) -> None:
        """The answer stays as it is: the terminal gets its colours back, and a new line for what follows."""
        if self._colored:
            self.end(Leaf("assistant", ""))
        if self._terminal:
            self.finish()
        self._stream.flush()

    def _put(self, text: str) -> None:
        self._stream.write(text.encode("utf-8", "replace"))
        if text == "\n":
            self._ends_line = True


class Console:
    """The two streams of one run of the command, and how each may be used.

    `plain`, or the variable SPNL_PLAIN, is for screen readers and logs: no colours, and nothing that moves
    the cursor.
    """

    def __init__(self, color: ColorMode = "auto", *, quiet: bool = False, plain: bool = False) -> None:
        self.quiet = quiet
        self.plain = plain or bool(os.environ.get("SPNL_PLAIN"))
        color = "never" if self.plain else color
        self.stdout = _binary(sys.stdout)
        self.stdout_is_terminal = _is_terminal(sys.stdout)
        self.color = color
        self._stderr: TextIO | None = sys.stderr
        self.stderr_is_terminal = _is_terminal(sys.stderr)
        self.stderr_color = wants_color(color, self.stderr_is_terminal, os.environ)
        if os.name == "nt":
            from colorama import just_fix_windows_console

            just_fix_windows_console()
        self._lines: LiveLines | None = None
        self._drawing_ended = False
        self._shown: TextAnswer | None = None

    @property
    def stdout_color(self) -> bool:
        """Whether an answer is coloured."""
        return wants_color(self.color, self.stdout_is_terminal, os.environ)

    def notice(self, text: str) -> None:
        """Tell the user something on stderr, unless they asked for quiet."""
        if not self.quiet:
            self.say_safely(f"spnl: {text}")

    def say(self, text: str) -> None:
        """Write a line to stderr."""
        self.put(text + "\n")

    def say_safely(self, text: str) -> None:
        """Write a line that holds what a model or a file says: on a terminal, controls are shown."""
        self.say(self._safe(text))

    def put_safely(self, text: str) -> None:
        """Write what holds a file's or a model's words, and does not end its line."""
        self.put(self._safe(text))

    def put_dim(self, text: str) -> None:
        """Write a piece of what a model says, dim where stderr has colours."""
        from colorama import Style as Ansi

        safe = self._safe(text)
        self.put(f"{Ansi.DIM}{safe}{Ansi.RESET_ALL}" if self.stderr_color else safe)

    def _safe(self, text: str) -> str:
        if not self.stderr_is_terminal:
            return text
        from spnl.visible import visible

        return visible(text)

    @property
    def can_draw(self) -> bool:
        """Whether lines may be drawn on stderr again and again: for a person, on a terminal that can."""
        environ = os.environ
        fit = environ.get("TERM") != "dumb" and not environ.get("CI") and not self.plain
        return self.stderr_is_terminal and fit and not self.quiet and not self._drawing_ended

    def text_answer(self, *, color: bool, live: bool = True) -> TextAnswer:
        """What writes an answer to stdout as text. Lines may be drawn until it begins, if that is a terminal.

        Whatever is written to the same terminal in the midst of it stands on lines of its own.
        """
        terminal = self.stdout_is_terminal
        before = self.before_answer()
        answer = TextAnswer(self.stdout, color=color, terminal=terminal, live=live, before=before)
        if terminal:
            self._shown = answer
        return answer

    def before_answer(self) -> Callable[[], None]:
        """What is to be done before an answer is written to stdout. Until then lines may be drawn.

        A terminal shows either what goes on or the answer: both at once would write over each other.
        """
        self._drawing_ended = False
        return self.end_drawing if self.stdout_is_terminal else lambda: None

    def live_lines(self) -> LiveLines:
        """Lines on stderr that are drawn again in place. Whatever else is written there erases them."""
        from spnl.live import LiveLines

        if self._lines is None:
            self._lines = LiveLines(self._write)
        return self._lines

    def end_drawing(self) -> None:
        """Erase what is drawn, and draw no more: the same terminal begins to show the answer."""
        self._drawing_ended = True
        if self._lines is not None:
            self._lines.erase()

    def put(self, text: str) -> None:
        """Write to stderr, whatever its encoding can hold; nobody may be there to read it."""
        if self._lines is not None:
            self._lines.erase()
        if self._shown is not None and self.stderr_is_terminal:
            self._shown.break_line()
        self._write(text)

    def _write(self, text: str) -> None:
        if self._stderr is None:
            return
        encoding = getattr(self._stderr, "encoding", None) or "utf-8"
        with suppress(OSError):
            self._stderr.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stderr.flush()

    def keep_stdout_to_ourselves(self) -> None:
        """Send what anything else in this process writes to file descriptor 1 to stderr.

        The engine is native code whose logs go to stdout; the answer must stay alone there.
        """
        if sys.stdout is not sys.__stdout__ or sys.stdout is None:
            return
        try:
            own = os.dup(sys.stdout.fileno())
            os.dup2(2, sys.stdout.fileno())
        except (OSError, ValueError):
            return
        self.stdout = os.fdopen(own, "wb")


def _binary(stream: TextIO | None) -> BinaryIO:
    if stream is None:
        return open(os.devnull, "wb")
    return stream.buffer


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
