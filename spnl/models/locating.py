"""From a model's name to its files on this machine."""

from __future__ import annotations

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
