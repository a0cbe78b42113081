"""A real terminal for tests: a process on a pseudo-terminal of its own, its keys and what it shows."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import termios
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any

from scripted import PATIENCE

CTRL_C = b"\x03"
LIMIT = 3 * PATIENCE


class Terminal:
    """A process whose streams are a terminal. `shown` is everything that it has written so far."""

    def __init__(self, command: Sequence[str], *, env: dict[str, str] | None = None, **options: Any) -> None:
        self._master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.shown = b""
        self._closed = False
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "xterm-256color", **(env or {})},
            **options,
        )
        self._slave = slave

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)
        os.close(self._slave)

    def read_until(self, text: bytes) -> None:
        """Read until the terminal has shown a text."""
        limit = monotonic() + LIMIT
        while text not in self.shown:
            assert monotonic() < limit, f"{text!r} did not show: {self.shown!r}"
            assert self._read(0.1) or self._process.poll() is None, f"ended without {text!r}: {self.shown!r}"

    def read_more(self) -> None:
        """Read until the terminal shows something more."""
        assert self._read(LIMIT), f"nothing more shows: {self.shown!r}"

    def read_for(self, seconds: float) -> None:
        """Read what shows within a time, which may be nothing."""
        self._read(seconds)

    def press(self, keys: bytes) -> None:
        """Type something."""
        os.write(self._master, keys)

    def wait(self) -> int:
        """Read everything until the process ends; its exit code, negative for a signal."""
        limit = monotonic() + LIMIT
        while self._process.poll() is None:
            assert monotonic() < limit, f"still running: {self.shown!r}"
            self._read(0.01)
        while self._read(0):
            pass
        return self._process.returncode

    def wait_for_work(self, seconds: float) -> None:
        """Wait until the process has computed for so long, from now."""
        goal = self._computed() + seconds
        limit = monotonic() + LIMIT
        while self._computed() < goal:
            assert monotonic() < limit and self._process.poll() is None, "it does not compute"
            self._read(0.01)

    def attributes(self) -> list[Any]:
        """The terminal's settings, as `before` has those before the process started."""
        return termios.tcgetattr(self._slave)

    def _computed(self) -> float:
        """Seconds of processor time that the process has taken."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _read(self, timeout: float) -> bool:
        """Read what there is; whether there was anything."""
        ready, _, _ = select.select([self._master], [], [], timeout)
        if ready:
            self.shown += os.read(self._master, 65536)
        return bool(ready)
