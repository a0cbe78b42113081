"""Lines at the bottom of a terminal that are drawn again in place while something goes on.

Imports `width` only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from time import monotonic

from spnl.width import fitted

REDRAW_SECONDS = 0.1
"""Lines are drawn again at most so often."""


def terminal_size() -> os.terminal_size:
    """The columns and lines of the terminal that stderr is; 80 by 24 where it does not say."""
    try:
        size = os.get_terminal_size(2)
    except (OSError, ValueError):
        size = os.terminal_size((0, 0))
    return os.terminal_size((size.columns or 80, size.lines or 24))


class LiveLines:
    """Lines that stand where the cursor is until they are erased; `write` writes to the terminal.

    They never wrap and never scroll, whatever the terminal's size is by now: what does not fit is cut, so
    that drawing them again touches no line but their own. Anything else that is to be written comes after
    `erase`.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        size: Callable[[], os.terminal_size] = terminal_size,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._write = write
        self._size = size
        self._clock = clock
        self._drawn = 0
        self._drawn_at = float("-inf")

    @property
    def width(self) -> int:
        """How many columns a line can have."""
        return self._size().columns - 1

    @property
    def is_due(self) -> bool:
        """Whether enough time has passed for lines to be drawn again."""
        return self._clock() - self._drawn_at >= REDRAW_SECONDS

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines in place of those that stand there. They hold no control characters."""
        columns, rows = self._size()
        shown = [fitted(line, columns - 1) for line in lines[: max(rows - 1, 1)]]
        self._write(self._back() + "\n".join(shown))
        self._drawn = len(shown)
        self._drawn_at = self._clock()

    def erase(self) -> None:
        """Take the lines away, and leave the cursor where the first of them began."""
        if self._drawn:
            self._write(self._back())
            self._drawn = 0

    def _back(self) -> str:
        """What brings the cursor to the beginning of the first line, and empties all below."""
        if not self._drawn:
            return ""
        up = f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else ""
        return f"\r{up}\x1b[J"
