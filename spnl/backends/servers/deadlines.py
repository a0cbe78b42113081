"""How long a reply is waited for: until its first token, and from one to the next.

A server that is alive sends comments while it works on nothing, so a limit on silence at the socket does not
do. One thread watches over all open replies and shuts the connection of one that is late; whoever reads it
then sees its end, and `Deadline.passed`.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic


class Deadline:
    """When the next piece of a reply is due: `due`, in the time of `time.monotonic`.

    `seconds` is how long it was given; `heard` says whether there was a piece before it.
    """

    def __init__(self, connection: socket.socket, begun: float, seconds: float) -> None:
        self._connection = connection
        self.due = begun + seconds
        self.seconds = seconds
        self.heard = False
        self.passed = False

    def extend(self, seconds: float) -> None:
        """A piece has come, and the next is due in so many seconds."""
        due = monotonic() + seconds
        is_sooner = due < self.due
        self.due, self.seconds, self.heard = due, seconds, True
        if is_sooner:  # than the watch may be waiting for
            WATCH.look_again()

    def enforce(self) -> None:
        """Shut the connection, which wakes who waits for it."""
        self.passed = True
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


class _Watch:
    """The thread that watches, which starts with the first reply."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watched: set[Deadline] = set()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, deadline: Deadline) -> Iterator[None]:
        """Watch over a deadline until the end of the block."""
        with self._changed:
            self._watched.add(deadline)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="spnl-deadlines", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._watched.discard(deadline)

    def look_again(self) -> None:
        """Some deadline has become earlier."""
        with self._changed:
            self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while True:
                now = monotonic()
                for deadline in [late for late in self._watched if late.due <= now]:
                    deadline.enforce()
                    self._watched.discard(deadline)
                soonest = min((deadline.due for deadline in self._watched), default=None)
                self._changed.wait(None if soonest is None else max(0.0, soonest - monotonic()))


WATCH = _Watch()
"""The watch of this process."""
