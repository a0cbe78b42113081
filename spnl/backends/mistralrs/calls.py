"""Calls into the engine, so that there are none when the process ends.

A thread that comes back from the engine while the interpreter ends is killed by it, which no Rust code
survives: the process aborts (`FATAL: exception not rethrown`; Python before 3.14). So before that, calls into
the engine are waited for, and no more of them begin.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from spnl.errors import GenerationError

END_SECONDS = 1.0
"""How long the end of the process waits for threads in the engine: for a token, not for a long prompt."""


class Calls:
    """The calls that are under way."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way = 0
        self._ended = False

    @contextmanager
    def one(self) -> Iterator[None]:
        """Around a call. Once calls have been ended, a daemon thread that wants one waits for the end."""
        with self._changed:
            if self._ended and not threading.current_thread().daemon:
                raise GenerationError("engine-failed", "the process is ending")
            self._changed.wait_for(lambda: not self._ended)
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def end(self) -> None:
        """Let no call begin any more, and wait for those under way, but not for long."""
        with self._changed:
            self._ended = True
            self._changed.wait_for(lambda: self._under_way == 0, END_SECONDS)
