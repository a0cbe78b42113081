"""Which backend runs models of which prefix. A row names what makes it; the module is imported on use."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from spnl.backends.base import Backend
from spnl.errors import ModelError, did_you_mean

Notify = Callable[[str], None]
"""Given a sentence for the user: a setting that has no effect here, and why."""

_BACKENDS = {
    "mistralrs": "spnl.backends.mistralrs.backend:MistralrsBackend",
    "openai": "spnl.backends.servers.backend:openai",
    "ollama": "spnl.backends.servers.backend:ollama",
    "gemini": "spnl.backends.servers.backend:gemini",
}


class KeyedBackend(Backend, Protocol):
    """A backend that can tell whether two names mean one model, so that it is loaded once."""

    def key(self, model: str) -> str:
        """The name that all names of this model share, without the prefix. Raises `ModelError`."""
        ...


def get_backend(name: str, notify: Notify) -> KeyedBackend:
    """The backend of a name, as `spnl.models.names.parse_model` gives it; `ModelError` if there is none."""
    location = _BACKENDS.get(name)
    if location is None:
        raise ModelError(
            "no-backend",
            f"there is no backend for the models of `{name}/`",
            helps=(*did_you_mean(name, _BACKENDS), "models on this machine are named `mistralrs/…`"),
        )
    module, _, backend = location.partition(":")
    made: KeyedBackend = getattr(import_module(module), backend)(notify)
    return made
