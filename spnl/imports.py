"""What packages import when they are imported, where a run can do without it. Imports nothing of ours."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(package: str) -> Iterator[None]:
    """Within this, a package that was not imported yet counts as not installed, for who can do without it.

    Nothing is hidden while other threads run, which may be importing it in earnest.
    """
    if package in sys.modules or threading.active_count() > 1:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # how `import` is told that there is none
    try:
        yield
    finally:
        del sys.modules[package]
