"""How the fetching of a model shows on stderr: a bar on a terminal, a line now and then elsewhere.

Imports the console, live lines and what fetching tells.
"""

from __future__ import annotations

from collections import deque
from time import monotonic

from spnl.console import Console
from spnl.live import REDRAW_SECONDS, LiveLines
from spnl.models.files import size_of
from spnl.models.progress import Progress

LINE_SECONDS = 15.0
"""How often a line is written where nothing can be drawn."""

_SPEED_SECONDS = 10.0


class FetchDisplay(Progress):
    """Shows a fetch on `console`, unless the user asked for quiet."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._size = 0
        self._done = 0
        self._shown_at = 0.0
        self._speed = Speed()

    def begin(self, what: str, size: int, done: int) -> None:
        """Say what is fetched, and how large it is."""
        here = f", of which {size_of(done)} are here" if done else ""
        self._console.notice(f"fetching {what}, {size_of(size)}{here}")
        self._size, self._done = size, done
        self._speed = Speed()
        self._speed.at(done, monotonic())
        self._shown_at = monotonic()

    def at(self, done: int) -> None:
        """Redraw the bar, or write a line, if that is due."""
        self._done = done
        now = monotonic()
        self._speed.at(done, now)
        if self._console.can_draw:
            self._draw(self._console.live_lines())
        elif now - self._shown_at >= LINE_SECONDS:
            self._shown_at = now
            self._console.notice(f"fetched {_share(done, self._size)}{self._speed}")

    def note(self, text: str) -> None:
        """Write a line, above the bar."""
        self._console.notice(text)

    def end(self, completed: bool) -> None:
        """Put a line in the place of the bar: that what is here is kept, where more is to come."""
        if completed:
            self._console.notice(f"fetched {size_of(self._size)}")
        else:
            self._console.notice(
                f"fetched {_share(self._done, self._size)}; the same command continues from there"
            )

    def _draw(self, lines: LiveLines) -> None:
        if lines.is_due:
            text = f" {_share(self._done, self._size)}{self._speed}{self._speed.left(self._size)}"
            width = min(lines.width - len(text), 40)
            lines.draw([_bar(self._done, self._size, width) + text])


class Speed:
    """Bytes a second over the last seconds."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def at(self, done: int, now: float) -> None:
        """So many bytes are here at this time; fewer than before begin anew."""
        if self._marks and done < self._marks[-1][1]:
            self._marks.clear()
        if len(self._marks) < 2 or now - self._marks[-2][0] >= REDRAW_SECONDS:
            self._marks.append((now, done))
        else:
            self._marks[-1] = (now, done)
        while now - self._marks[0][0] > _SPEED_SECONDS and len(self._marks) > 2:
            self._marks.popleft()

    @property
    def per_second(self) -> float:
        """Bytes a second; 0 where nothing can be said."""
        if len(self._marks) < 2 or self._marks[-1][0] == self._marks[0][0]:
            return 0.0
        (started, first), (now, last) = self._marks[0], self._marks[-1]
        return (last - first) / (now - started)

    def __str__(self) -> str:
        return f", {size_of(round(self.per_second))}/s" if self.per_second >= 1 else ""

    def left(self, size: int) -> str:
        """How long the rest will take, as in `, 1:30 left`."""
        if self.per_second < 1:
            return ""
        seconds = round((size - self._marks[-1][1]) / self.per_second)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f", {hours}:{minutes:02}:{seconds:02} left" if hours else f", {minutes}:{seconds:02} left"


def _share(done: int, size: int) -> str:
    """How much of a whole, as in `45 % of 1.1 GB`."""
    return f"{100 * done // max(size, 1)} % of {size_of(size)}"


def _bar(done: int, size: int, width: int) -> str:
    """A bar of so many columns; nothing where there is no room for one."""
    if width < 7:
        return ""
    full = min(done * (width - 2) // max(size, 1), width - 2)
    return f"[{'#' * full}{'.' * (width - 2 - full)}]"
