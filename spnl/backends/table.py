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
    """A backend that can tell models apart, so that each is loaded once and its replies are known again."""

    def key(self, model: str) -> str:
        """The name that all names of this model share, without the prefix. Raises `ModelError`."""
        ...

    def identity(self, model: str) -> str:
        """What the replies of this model depend on, beside what it is asked; nothing is loaded for it.

        That is the bytes of its files, and settings that change what it says; of a model on a server, the
        server's address and the model's name there. Raises `ModelError`.
        """
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
