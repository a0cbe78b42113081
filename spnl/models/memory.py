"""Whether a model fits into this machine's memory. Imports errors and the other modules of models."""

from __future__ import annotations

from collections.abc import Callable

from spnl.errors import ModelError
from spnl.frozen import Frozen
from spnl.models.files import size_of
from spnl.models.local import LocalModel

_SMALLEST_SHARE = 3
"""Weights that are quantised while they load take a third of their files or more."""


class Memory(Frozen):
    """This machine's memory, in bytes: what is free for programs now, and all there is, swap included."""

    available: int
    total: int


def memory_here() -> Memory:
    """This machine's memory, as the system tells."""
    import psutil

    memory = psutil.virtual_memory()
    return Memory(memory.available, memory.total + psutil.swap_memory().total)


def resident_here() -> int:
    """How many bytes of memory this process holds now; a GPU's are not among them."""
    import psutil

    resident: int = psutil.Process().memory_info().rss
    return resident


def needed_by(model: LocalModel, is_quantised_on_load: bool) -> int:
    """How much memory a model's weights take, in bytes, as far as it is known before they are read."""
    return model.size // _SMALLEST_SHARE if is_quantised_on_load and model.kind == "folder" else model.size


def check_memory(model: LocalModel, is_quantised_on_load: bool, notify: Callable[[str], None]) -> None:
    """Warn where the weights are larger than what is free; `ModelError` where they can never fit."""
    needed = needed_by(model, is_quantised_on_load)
    memory = memory_here()
    if needed > memory.total:
        raise ModelError(
            "out-of-memory",
            f"{model.name} needs {size_of(needed)} of memory, and this machine has {size_of(memory.total)}",
            helps=("use a smaller model or a smaller quantisation",),
        )
    if needed > memory.available:
        notify(
            f"{model.name} needs {size_of(needed)} of memory, and {size_of(memory.available)} are free: "
            "this machine may begin to swap"
        )
