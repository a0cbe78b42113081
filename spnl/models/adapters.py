"""LoRA adapters: which files one is, as the library peft saves it, in a folder or at a hub."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from spnl.errors import ModelError
from spnl.models.choice import Choice
from spnl.models.finding import folder_of
from spnl.models.local import NotHere
from spnl.models.names import is_path, parse_hub
from spnl.models.quants import UNKNOWN

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
"""The files of an adapter that the engine reads."""


def locate_adapter(name: str) -> Path:
    """The folder of an adapter on this machine. `ModelError` says what hinders."""
    folder = folder_of(name)
    there = [file for file in ADAPTER_FILES if (folder / file).is_file()]
    if len(there) == len(ADAPTER_FILES):
        return folder
    error = _not_whole(name, there)
    hub = None if is_path(name) or Path(name).expanduser().is_dir() else parse_hub(name)
    raise error if hub is None else NotHere(error, hub)


def choose_adapter(names: Collection[str], repo: str) -> Choice:
    """The files of an adapter in the listing of a repository. `ModelError` where there is none."""
    there = [file for file in ADAPTER_FILES if file in names]
    if len(there) < len(ADAPTER_FILES):
        raise _not_whole(repo, there)
    return Choice("safetensors", ADAPTER_FILES, ADAPTER_FILES[1:], UNKNOWN, "an adapter")


def _not_whole(name: str, there: Collection[str]) -> ModelError:
    missing = [file for file in ADAPTER_FILES if file not in there]
    return ModelError(
        "bad-adapter",
        f"{name} is no adapter that the engine can use: it has no {' and no '.join(missing)}",
        helps=("an adapter is a folder as the library peft saves it",),
    )
