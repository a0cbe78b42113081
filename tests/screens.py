"""A terminal with a screen, in memory: keys go in, and what a person sees comes out."""

from __future__ import annotations

import fcntl
import struct
import termios
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

import pyte
from terminals import LIMIT, Terminal

ENTER, TAB, ESCAPE = b"\r", b"\t", b"\x1b"
UP = b"\x1b[A"
CTRL_A, CTRL_D, CTRL_R, CTRL_U = b"\x01", b"\x04", b"\x12", b"\x15"
PASTE_BEGIN, PASTE_END = b"\x1b[200~", b"\x1b[201~"


class _Screen(pyte.HistoryScreen):  # type: ignore[misc]
    """A screen that answers when it is asked where its cursor is."""

    answer: Callable[[bytes], None]

    def write_process_input(self, data: str) -> None:
        self.answer(data.encode())


class ScreenTerminal(Terminal):
    """A process on a terminal of a size, whose screen can be looked at."""

    def __init__(
        self,
        command: Sequence[str],
        columns: int,
        rows: int,
        env: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        self.screen = _Screen(columns, rows, history=10_000)
        self.screen.answer = self.press
        self._stream = pyte.ByteStream(self.screen)
        size = struct.pack("HHHH", rows, columns, 0, 0)
        starter = ["sh", "-c", f'stty rows {rows} cols {columns}; exec "$@"', "sh", *command]
        super().__init__(starter, env=env, **options)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size."""
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def display(self) -> str:
        """What the screen shows, without what is blank at the end."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def wait_for(self, *texts: str) -> str:
        """Wait until the screen shows all of some texts; what it shows then."""
        return self.wait_until(lambda: all(text in self.display for text in texts), repr(texts))

    def wait_until(self, holds: Callable[[], bool], what: str = "that") -> str:
        """Wait until something holds of the screen; what it shows then."""
        limit = monotonic() + LIMIT
        while not holds():
            assert monotonic() < limit, f"{what} did not show:\n{self.display}"
            assert self._read(0.1) or self._process.poll() is None, f"ended without {what}:\n{self.display}"
        return self.display

    def type(self, *keys: str | bytes) -> None:
        """Type texts and keys."""
        self.press(b"".join(key.encode() if isinstance(key, str) else key for key in keys))

    def kill(self) -> None:
        """End the process as nobody can help."""
        self._process.kill()
        self._process.wait()

    def style_of(self, text: str) -> Any:
        """How the first character of a text on the screen is drawn."""
        for row, line in enumerate(self.screen.display):
            if text in line:
                return self.screen.buffer[row][line.index(text)]
        raise AssertionError(f"{text!r} is not on the screen:\n{self.display}")

    def _read(self, timeout: float) -> bool:
        before = len(self.shown)
        found = super()._read(timeout)
        self._stream.feed(self.shown[before:])
        return found
