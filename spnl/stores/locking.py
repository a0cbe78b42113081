"""A lock on an open file, which the system takes away when the process ends, however it ends."""

from __future__ import annotations

import os
import sys

_FAR = 2**62
"""Windows locks bytes and keeps others from reading them: one that no file has."""


def lock(file: int) -> bool:
    """Lock an open file for this process alone, without waiting; False where another one has it."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(file, 0, os.SEEK_SET)
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
