"""Between a run and the models it asks for: has a model's files on this machine before it is loaded.

With a lock they are the files that it holds, or the model is refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from spnl.backends.base import Engine
from spnl.config import read_config
from spnl.errors import ModelError
from spnl.models.names import HERE, ModelName, parse_hub, split_adapter
from spnl.models.naming import resolve_model
from spnl.models.obtaining import obtain
from spnl.models.progress import Progress

if TYPE_CHECKING:
    from spnl.models.lock import Lock


class Models(Protocol):
    """What gives engines by their models' names, as `spnl.executor.dispatch.Models` says."""

    def get(self, model: str, notify: Callable[[str], None]) -> Engine: ...
    def is_loaded(self, model: str) -> bool: ...
    def describe(self, model: str, fully: bool) -> str | None: ...
    def takes_seed(self, model: str) -> bool: ...
    def identity(self, model: str, notify: Callable[[str], None]) -> str: ...
    def unload(self, model: str) -> bool: ...


class SuppliedModels:
    """The models of a pool, each with its files on this machine once it is first asked for.

    With `lock`, each is what that holds. Every method raises `ModelError` where they cannot be had.
    """

    def __init__(
        self, models: Models, progress: Progress, *, offline: bool = False, lock: Lock | None = None
    ) -> None:
        self._models = models
        self._progress = progress
        self._offline = offline
        self._lock = lock
        self._supplied: dict[str, str] = {}

    def get(self, model: str, notify: Callable[[str], None]) -> Engine:
        """The engine of a model, loaded if it is not yet."""
        name = self._supply(model)
        with _remedy_told(name):
            return self._models.get(name, notify)

    def is_loaded(self, model: str) -> bool:
        """Whether `get` would return at once."""
        return self._models.is_loaded(self._supply(model))

    def describe(self, model: str, fully: bool) -> str | None:
        """What `get` would load, where that takes a while, or always, `fully`."""
        return self._models.describe(self._supply(model), fully)

    def takes_seed(self, model: str) -> bool:
        """Whether a model's draws can be seeded; nothing is fetched for it."""
        return self._models.takes_seed(model)

    def identity(self, model: str, notify: Callable[[str], None]) -> str:
        """What tells a model from every other, without loading it."""
        return self._models.identity(self._supply(model), notify)

    def unload(self, model: str) -> bool:
        """Close a model's engine; whether it was loaded."""
        return self._models.unload(self._supply(model))

    def _supply(self, model: str) -> str:
        """Have a model's files here; the name that the pool knows them by."""
        name = self._supplied.get(model)
        if name is None:
            with _remedy_told(model):
                name = self._supplied[model] = self._obtained(model)
        return name

    def _obtained(self, model: str) -> str:
        if self._lock is not None:
            from spnl.models.pinning import obtain_locked

            return obtain_locked(model, self._lock, os.environ, self._progress, offline=self._offline)
        name = _parsed(model)
        if name.backend == HERE:
            obtain(name.rest, os.environ, self._progress, offline=self._offline)
        return model


def _parsed(model: str) -> ModelName:
    return resolve_model(model, read_config(os.environ))


@contextmanager
def _remedy_told(model: str) -> Iterator[None]:
    """Where the files of a hub's model are damaged, the error says how to have them again."""
    try:
        yield
    except ModelError as error:
        if error.id == "damaged-model" and parse_hub(split_adapter(_parsed(model).rest)[0]) is not None:
            error.helps = (f"`spnl pull {model}` fetches again what is damaged",)
        raise
