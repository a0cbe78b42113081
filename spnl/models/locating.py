"""From a model's name to its files on this machine."""

from __future__ import annotations

from pathlib import Path

from spnl.models.gguf import require_gguf
from spnl.models.local import BUNDLED_FILE, LocalModel
from spnl.models.names import BUNDLED


def locate(rest: str) -> LocalModel:
    """The files of a model's name without its prefix.

    A `ModelError` says what hinders: `no-such-model`, `not-a-model`, `damaged-model`, `unsupported-model`,
    `no-tokenizer`.
    """
    if rest != BUNDLED:
        # What it takes to choose among files is not imported for the model whose file is known.
        from spnl.models.finding import find

        return find(rest)
    require_gguf(BUNDLED_FILE)
    return LocalModel("gguf", BUNDLED_FILE, (BUNDLED_FILE,), BUNDLED, BUNDLED_FILE.stat().st_size)


def locate_folder(name: str) -> Path:
    """The folder of what goes with a model: a path, or a repository in the cache, whatever it holds.

    A `ModelError` `no-such-model` where it is not on this machine.
    """
    from spnl.models.finding import folder_of

    return folder_of(name)


def locate_adapter(name: str) -> Path:
    """The folder of a LoRA adapter, as the library peft saves them. `ModelError` says what hinders."""
    from spnl.models import adapters

    return adapters.locate_adapter(name)
