"""Between a run and the models it asks for: has a model's files on this machine before it is loaded.

What is on disk is used as it is. Only where something is missing is the hub asked, and only then is anything
imported that could open a connection. Imports errors, names and what finds files by their names.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from spnl.backends.base import Engine
from spnl.config import read_config
from spnl.errors import ModelError
from spnl.frozen import Frozen
from spnl.models.local import NotHere
from spnl.models.locating import locate, locate_adapter
from spnl.models.names import HERE, ModelName, parse_hub, split_adapter
from spnl.models.naming import resolve_model
from spnl.models.progress import Progress


class Models(Protocol):
    """What gives engines by their models' names, as `spnl.executor.dispatch.Models` says."""

    def get(self, model: str, notify: Callable[[str], None]) -> Engine: ...
    def is_loaded(self, model: str) -> bool: ...
    def describe(self, model: str, fully: bool) -> str | None: ...
    def takes_seed(self, model: str) -> bool: ...
    def identity(self, model: str, notify: Callable[[str], None]) -> str: ...


class SuppliedModels:
    """The models of a pool, each with its files on this machine once it is first asked for.

    Every method raises `ModelError` where they cannot be had.
    """

    def __init__(self, models: Models, progress: Progress, *, offline: bool = False) -> None:
        self._models = models
        self._progress = progress
        self._offline = offline
        self._supplied: set[str] = set()

    def get(self, model: str, notify: Callable[[str], None]) -> Engine:
        """The engine of a model, loaded if it is not yet."""
        self._supply(model)
        with _remedy_told(model):
            return self._models.get(model, notify)

    def is_loaded(self, model: str) -> bool:
        """Whether `get` would return at once."""
        self._supply(model)
        return self._models.is_loaded(model)

    def describe(self, model: str, fully: bool) -> str | None:
        """What `get` would load, where that takes a while, or always, `fully`."""
        self._supply(model)
        return self._models.describe(model, fully)

    def takes_seed(self, model: str) -> bool:
        """Whether a model's draws can be seeded; nothing is fetched for it."""
        return self._models.takes_seed(model)

    def identity(self, model: str, notify: Callable[[str], None]) -> str:
        """What tells a model from every other, without loading it."""
        self._supply(model)
        return self._models.identity(model, notify)

    def _supply(self, model: str) -> None:
        if model in self._supplied:
            return
        name = _parsed(model)
        if name.backend == HERE:
            with _remedy_told(model):
                obtain(name.rest, os.environ, self._progress, offline=self._offline)
        self._supplied.add(model)


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


def obtain(rest: str, environ: Mapping[str, str], progress: Progress, *, offline: bool = False) -> None:
    """Have the files of a model's name without its prefix, and those of its adapter, fetched if not here."""
    for part in _parts(rest):
        try:
            part.locate()
        except NotHere as missing:
            if offline or is_offline(environ):
                raise _offline(missing, rest) from None
            from spnl.models.fetching import fetch

            fetch(missing.hub, environ, progress, near=missing.near, adapter=part.is_adapter)
            part.locate()


def pull(rest: str, environ: Mapping[str, str], progress: Progress) -> tuple[Path, ...]:
    """Have the files of a model's name without its prefix, and of its adapter, as they are at the hub now.

    What is here is compared with what the hub lists, and fetched again where it differs. What is no hub's is
    left alone. Gives where they are.
    """
    return tuple([_pull(part, rest, environ, progress) for part in _parts(rest)])


class _Part(Frozen):
    """What a name asks for: a model, or the adapter that goes with it."""

    name: str
    is_adapter: bool = False

    def locate(self) -> Path:
        """Where it is on this machine. Raises `ModelError`."""
        return locate_adapter(self.name) if self.is_adapter else locate(self.name).path


def _parts(rest: str) -> tuple[_Part, ...]:
    model, adapter = split_adapter(rest)
    return (_Part(model),) if adapter is None else (_Part(model), _Part(adapter, is_adapter=True))


def _pull(part: _Part, rest: str, environ: Mapping[str, str], progress: Progress) -> Path:
    from spnl.models.cache import cache_folder

    hub = parse_hub(part.name)
    near: tuple[str, ...] = ()
    try:
        found = part.locate()
    except NotHere as missing:
        if is_offline(environ):
            raise _offline(missing, rest) from None
        hub, near = missing.hub, missing.near
    except ModelError as error:
        if hub is None or error.id != "damaged-model" or is_offline(environ):
            raise
    else:
        if hub is None or is_offline(environ) or not found.is_relative_to(cache_folder(environ)):
            return found
    from spnl.models.fetching import fetch

    fetch(hub, environ, progress, near=near, verify=True, adapter=part.is_adapter)
    return part.locate()


def is_offline(environ: Mapping[str, str]) -> bool:
    """Whether the environment forbids the network, as `huggingface_hub` reads it."""
    said = environ.get("HF_HUB_OFFLINE") or environ.get("TRANSFORMERS_OFFLINE") or ""
    return said.upper() in ("1", "ON", "YES", "TRUE")


def _offline(missing: NotHere, rest: str) -> ModelError:
    return ModelError(
        "offline",
        f"{missing.message}, and the hub is not asked: spnl is offline",
        notes=missing.notes,
        helps=(*missing.near, f"`spnl pull {rest}` fetches it, without --offline and HF_HUB_OFFLINE"),
    )
