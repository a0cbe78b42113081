"""Where spnl keeps what it can make again, and what lasts. Imports nothing of the project."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping


def cache_folder(environ: Mapping[str, str]) -> str:
    """The folder for what saves work and may be deleted, whether it is there or not.

    `XDG_CACHE_HOME` counts on every platform, as it does for Hugging Face's cache. Where that specification
    holds, the folder is worked out here: platformdirs takes 10 ms to import.
    """
    base = environ.get("XDG_CACHE_HOME", "").strip()
    if not base and sys.platform in ("darwin", "win32"):
        from platformdirs import user_cache_dir

        return user_cache_dir("spnl", appauthor=False)
    return os.path.join(base or os.path.expanduser("~/.cache"), "spnl")


def state_folder(environ: Mapping[str, str]) -> str:
    """The folder for what lasts and is nobody else's: history, sessions. It may not be there.

    Found as the cache's is, by `XDG_STATE_HOME`.
    """
    base = environ.get("XDG_STATE_HOME", "").strip()
    if not base and sys.platform in ("darwin", "win32"):
        from platformdirs import user_state_dir

        return user_state_dir("spnl", appauthor=False)
    return os.path.join(base or os.path.expanduser("~/.local/state"), "spnl")


def make_private(folder: str) -> None:
    """Make a folder that nobody else can look into, unless it is there. Raises OSError."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
