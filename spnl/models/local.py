"""A model on this machine, once its files are found, and the error where a hub may have them instead."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from spnl.errors import ModelError
from spnl.frozen import Frozen
from spnl.models.names import HubName

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


class NotHere(ModelError):
    """A model of a hub that is not, or not wholly, on this machine: an error where no hub is asked.

    `hub` is what to fetch; `near` are helps about what may have been meant, or used instead.
    """

    def __init__(self, error: ModelError, hub: HubName) -> None:
        fetch = f"`spnl pull {hub}` fetches it from the hub"
        super().__init__(error.id, error.message, notes=error.notes, helps=(*error.helps, fetch))
        self.hub = hub
        self.near = error.helps
