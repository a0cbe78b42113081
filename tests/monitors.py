"""A terminal's screen for tests, without a process behind it."""

from __future__ import annotations

import os
from typing import Any

import pyte

from spnl.live import LiveLines


class Monitor:
    """A terminal of a size that can change, and a clock that stands still until it is moved."""

    def __init__(self, columns: int, rows: int) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self.now = 0.0

    def write(self, text: str) -> None:
        self._stream.feed(text.replace("\n", "\r\n"))  # as a terminal's driver does

    def lines(self) -> LiveLines:
        return LiveLines(
            self.write,
            lambda: os.terminal_size((self.screen.columns, self.screen.lines)),
            lambda: self.now,
        )

    @property
    def shown(self) -> list[str]:
        """The lines of the screen, without the empty ones at the end."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip("\n").split("\n")


def terminal_state(screen: Any) -> dict[str, Any]:
    """All that a terminal remembers but for what it shows, and where its cursor is."""
    cursor = screen.cursor
    return {
        "modes": set(screen.mode),
        "hidden": cursor.hidden,
        "attributes": cursor.attrs._replace(data=" "),
        "title": (screen.title, screen.icon_name),
        "margins": screen.margins,
        "charsets": (screen.charset, screen.g0_charset, screen.g1_charset),
        "tabs": set(screen.tabstops),
        "saved": list(screen.savepoints),
    }
