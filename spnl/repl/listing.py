"""The names of the models on this machine, as one types them."""

from __future__ import annotations

import os


def models_here() -> tuple[str, ...]:
    """The bundled model, then those of Hugging Face's cache."""
    from spnl.models.cache import cache_folder
    from spnl.models.inventory import models_here as listed

    return tuple(model.name for model in listed(cache_folder(os.environ)))
