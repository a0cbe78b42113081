"""Deadlines of replies: enforced in time, also one that has become earlier."""

from __future__ import annotations

import socket
from time import monotonic

from scripted import PATIENCE

from spnl.backends.servers.deadlines import WATCH, Deadline


def test_a_deadline_that_becomes_earlier_is_kept() -> None:
    """The watch waits for the later of two when the earlier is shut, and would wait for ten minutes."""
    (early, early_peer), (late, late_peer) = socket.socketpair(), socket.socketpair()
    with early, early_peer, late, late_peer:
        first, second = Deadline(early, monotonic(), 0.01), Deadline(late, monotonic(), 600.0)
        with WATCH.over(second), WATCH.over(first):
            early.settimeout(PATIENCE)
            assert (early.recv(1), first.passed, second.passed) == (b"", True, False)
            second.extend(0.01)
            late.settimeout(PATIENCE)
            assert (late.recv(1), second.passed) == (b"", True)
