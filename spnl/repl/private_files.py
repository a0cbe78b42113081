"""Files that only their owner can read, and locks on them that end with the process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PRIVATE_FILE = 0o600


def open_private(path: Path, flags: int) -> int:
    """Open a file as `os.open` does; where it is made, only its owner can read it."""
    return os.open(path, flags | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), PRIVATE_FILE)


def lock(file: int | IO[bytes], *, wait: bool = True) -> bool:
    """Lock an open file for this process, until it is closed or the process dies; whether that was possible.

    Where the platform has no such locks, everything is as if nobody else were there.
    """
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock that goes with a file: a file beside it, as the file itself may be replaced."""
    descriptor = open_private(path.with_name(f".{path.name}.lock"), os.O_RDWR)
    try:
        lock(descriptor)
        yield
    finally:
        os.close(descriptor)
