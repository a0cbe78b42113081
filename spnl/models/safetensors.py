"""Reads the header of a safetensors file: which tensors are in it. Imports errors only.

The format is Hugging Face's: eight bytes of length, little-endian, and so many bytes of JSON. What is in the
file is a stranger's, so its size and its numbers are bounded before they are used.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from spnl.errors import ModelError
from spnl.models.mlx import is_mlx_tensors

_MAX_HEADER = 16 * 1024 * 1024  # of 100,000 tensors; the format has room for six times as much
_MAX_DIMENSIONS = 16
_MAX_LENGTH = 2**63 - 1


def read_tensors(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The type and the shape of each tensor by its name. `ModelError` `damaged-model` for other bytes."""
    import json

    try:
        header = json.loads(_header(path))
        return {
            name: (str(tensor["dtype"]), _shape(tensor["shape"]))
            for name, tensor in header.items()
            if name != "__metadata__"
        }
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise _damaged(path, "its header makes no sense") from None


def _shape(sizes: Any) -> tuple[int, ...]:
    """A shape as it is written. `ValueError` for what can be none."""
    if len(sizes) > _MAX_DIMENSIONS or not all(
        type(size) is int and 0 <= size <= _MAX_LENGTH for size in sizes
    ):
        raise ValueError
    return tuple(sizes)


def has_mlx_tensors(path: Path) -> bool:
    """Whether a file's tensors are those of a model that is quantised for MLX."""
    return b'.scales"' in _header(path) and is_mlx_tensors(read_tensors(path))


def _header(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            header: Any = file.read(length) if 0 < length <= _MAX_HEADER else b""
    except OSError as error:
        raise _damaged(path, f"it cannot be read: {(error.strerror or 'unknown reason').lower()}") from None
    if not header or len(header) < length:
        raise _damaged(path, "it is no safetensors file, or is cut off")
    return bytes(header)


def _damaged(path: Path, reason: str) -> ModelError:
    return ModelError(
        "damaged-model", f"{path} is damaged: {reason}", helps=("fetch or copy the file again",)
    )
