"""The request log: a line of JSON for each request, without contents unless the keeper asks for them.

Lines are written by a thread of their own: nobody who is slow to read them holds a client up. When too many
wait, lines are dropped, and the next one that is written says how many.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Full, Queue
from typing import Any

import msgspec

_LONGEST = 1000
"""Lines that may wait."""


class RequestLog:
    """Writes records to `write`, which takes a line of bytes; what it raises ends the log, not the server."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write
        self._lines: Queue[bytes | None] = Queue(_LONGEST)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="spnl-request-log", daemon=True)
        self._thread.start()

    def add(self, record: dict[str, Any]) -> None:
        """Add a record, without waiting."""
        if self._dropped:
            record["dropped_before"] = self._dropped
        try:
            self._lines.put_nowait(msgspec.json.encode(record) + b"\n")
            self._dropped = 0
        except Full:
            self._dropped += 1

    def close(self, seconds: float = 1.0) -> None:
        """Write what waits, but not for long."""
        try:
            self._lines.put(None, timeout=seconds)
        except Full:
            return
        self._thread.join(seconds)

    def _run(self) -> None:
        try:
            while (line := self._lines.get()) is not None:
                self._write(line)
        except OSError:
            while self._lines.get() is not None:
                pass
