"""Which backend runs models of which prefix. A row names what makes it; the module is imported on use."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from spnl.backends.base import Backend
from spnl.config import read_config
from spnl.errors import ModelError, did_you_mean
from spnl.settings import Settings

Notify = Callable[[str], None]
"""Given a sentence for the user: a setting that has no effect here, and why."""

_BACKENDS = {
    "mistralrs": "spnl.backends.mistralrs.backend:MistralrsBackend",
    "openai": "spnl.backends.servers.backend:openai",
    "ollama": "spnl.backends.servers.backend:ollama",
    "gemini": "spnl.backends.servers.backend:gemini",
}
_NAMED_SERVER = "spnl.backends.servers.backend:named"
"""What makes the backend of a server that the configuration names."""


class KeyedBackend(Backend, Protocol):
    """A backend that can tell models apart, so that each is loaded once and its replies are known again."""

    takes_seed: bool
    """Whether a request's seed decides what is drawn."""

    def key(self, model: str) -> str:
        """The name that all names of this model share, without the prefix. Raises `ModelError`."""
        ...

    def memory(self, model: str) -> int:
        """How many bytes of this machine's memory a loaded model takes, about; 0 for one on a server.

        Raises `ModelError`.
        """
        ...

    def identity(self, model: str) -> str:
        """What the replies of this model depend on, beside what it is asked; nothing is loaded for it.

        That is the bytes of its files, and settings that change what it says; of a model on a server, the
        server's address and the model's name there. Raises `ModelError`.
        """
        ...


def get_backend(name: str, notify: Notify, settings: Settings) -> KeyedBackend:
    """The backend of a name, as `spnl.models.names.parse_model` gives it; `ModelError` if there is none.

    It loads as `settings` say, and tells `notify` what of them has no effect here.
    """
    made: KeyedBackend
    if name in _BACKENDS:
        made = _maker(_BACKENDS[name])(notify, settings)
        return made
    servers = read_config(os.environ).servers
    if name in servers:
        made = _maker(_NAMED_SERVER)(name, servers[name], notify)
        return made
    raise ModelError(
        "no-backend",
        f"there is no backend for the models of `{name}/`",
        helps=(*did_you_mean(name, [*_BACKENDS, *servers]), "models on this machine are named `mistralrs/…`"),
    )


def _maker(location: str) -> Callable[..., Any]:
    """What makes a backend, imported."""
    module, _, maker = location.partition(":")
    made: Callable[..., Any] = getattr(import_module(module), maker)
    return made
