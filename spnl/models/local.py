"""A model on this machine, once its files are found."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from spnl.frozen import Frozen

BUNDLED_FILE = Path(__file__).parent.parent / "data" / "tiny.gguf"


class LocalModel(Frozen):
    """A model on this machine.

    `path` is the file, the first file of a split one, or the folder; `files` are those with weights,
    `name` is for people, and `size` is in bytes. `quant` is what the file's name says, `why` the reason why
    this one was chosen of several.
    """

    kind: Literal["gguf", "ggml", "folder"]
    path: Path
    files: tuple[Path, ...]
    name: str
    size: int
    quant: str | None = None
    why: str = ""
