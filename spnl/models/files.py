"""Reads the small JSON files that stand beside a model's weights, and writes paths for people.

Imports errors only."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from spnl.errors import ModelError

_MAX_BYTES = 32 * 1024 * 1024
"""Largest file that is read: twice the index of a model of 100,000 tensors."""


def read_bytes(path: Path) -> bytes:
    """The bytes of a small file; `OSError` where it cannot be read, or is no regular file or too large."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(0, "it is not a regular file")
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise OSError(0, f"it has more than {_MAX_BYTES:,} bytes")
    return data


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file, empty where there is no such file.

    A file that holds anything else is a `ModelError` `damaged-model`: the engine would panic on some of them.
    """
    import json

    try:
        value = json.loads(read_bytes(path))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _damaged(path, f"cannot be read: {(error.strerror or type(error).__name__).lower()}") from None
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise _damaged(path, "holds no JSON object")
    return value


def with_home(path: Path) -> str:
    """A path as people write it, with `~` for their home."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def _damaged(path: Path, reason: str) -> ModelError:
    return ModelError("damaged-model", f"{path} {reason}", helps=("fetch or copy the model again",))


def size_of(count: int) -> str:
    """A number of bytes, in the decimal units of file listings and of the hub."""
    for unit, size in (("GB", 1000**3), ("MB", 1000**2), ("kB", 1000)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
