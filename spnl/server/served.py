"""The models that a server serves: found by exact name only, loaded, and unloaded when nobody uses them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from spnl.backends.base import Engine
from spnl.config import read_config
from spnl.errors import ModelError, UsageError
from spnl.models.names import HERE
from spnl.models.naming import resolve_model
from spnl.server.errors import HttpError

_PREFIXES = ("mistralrs/", "local/", "spnl/")
"""What clients may write before a model's name; the last is upstream's word for a server like this one."""


class Pool(Protocol):
    """Where engines come from: `spnl.backends.pool`, or a test's own."""

    def get(self, model: str, notify: Callable[[str], None]) -> Engine:
        """The engine of a model, loaded if it is not yet."""
        ...

    def is_loaded(self, model: str) -> bool:
        """Whether `get` would return at once."""
        ...

    def describe(self, model: str, fully: bool) -> str | None:
        """What `get` would load, where that takes a while. Raises `ModelError` where it cannot be had."""
        ...

    def unload(self, model: str) -> bool:
        """Close a model's engine; whether it was loaded."""
        ...


class ServedModels:
    """The models that clients may name. What a client says is looked up here and nowhere else.

    `notify` is told what the server's keeper should know.
    """

    def __init__(
        self, models: tuple[str, ...], allowed: tuple[str, ...], pool: Pool, notify: Callable[[str], None]
    ) -> None:
        self.names = tuple(dict.fromkeys((*models, *allowed)))
        self._first = models
        self._pool = pool
        self._notify = notify
        self._lock = threading.Lock()
        self._users = dict.fromkeys(self.names, 0)
        self._last_used = dict.fromkeys(self.names, monotonic())
        self._known = {alias: name for name in self.names for alias in _aliases(name)}

    def find_all(self) -> None:
        """Have every model on this machine: nothing is fetched later, whatever clients ask.

        Raises `ModelError`, or `UsageError` for a model that is elsewhere.
        """
        for name in self.names:
            if resolve_model(name, read_config(os.environ)).backend != HERE:
                raise UsageError(
                    "not-here",
                    f"`{name}` does not run on this machine, so it cannot be served from here",
                    helps=("name models of this machine; `spnl list` shows them",),
                )
            self._pool.describe(name, False)

    def load_first(self) -> None:
        """Load the models that are loaded at the start. Raises `ModelError`."""
        for name in self._first:
            what = self._pool.describe(name, False)
            if what is not None:
                self._notify(f"loading {what}")
            self._pool.get(name, self._notify)

    def resolve(self, name: str) -> str:
        """The model that a client means. Raises `HttpError` 404, which says what is served."""
        found = self._known.get(name)
        if found is None:
            shown = name if len(name) <= 80 else f"{name[:80]}…"
            served = ", ".join(f"`{each}`" for each in self.names)
            message = (
                f"the model `{shown}` is not served here; {served} {'is' if len(self.names) == 1 else 'are'}"
            )
            raise HttpError(404, "not-served", message, param="model")
        return found

    def is_loaded(self, name: str) -> bool:
        """Whether a model is in memory; one whose files have gone since counts as not."""
        try:
            return self._pool.is_loaded(name)
        except ModelError:
            return False

    @contextmanager
    def using(self, names: tuple[str, ...]) -> Iterator[None]:
        """Around a request that uses models, none of which is unloaded meanwhile."""
        with self._lock:
            for name in names:
                self._users[name] += 1
        try:
            yield
        finally:
            with self._lock:
                for name in names:
                    self._users[name] -= 1
                    self._last_used[name] = monotonic()

    def engine(self, name: str) -> Engine:
        """The engine of a model that is served; loads it if it is not in memory. Raises `ModelError`."""
        return self._pool.get(name, self._notify)

    def unload_idle(self, seconds: float) -> list[str]:
        """Unload what nobody has used for so long; gives the names."""
        with self._lock:
            now = monotonic()
            idle = [
                name
                for name in self.names
                if self._users[name] == 0 and now - self._last_used[name] >= seconds
            ]
            return [name for name in idle if self._pool.unload(name)]


def _aliases(name: str) -> Iterator[str]:
    """The spellings of one name: as it was given at the start, and with or without a prefix."""
    yield name
    bare = name
    for prefix in _PREFIXES[:2]:
        bare = bare.removeprefix(prefix) if bare == name else bare
    yield bare
    for prefix in _PREFIXES:
        yield prefix + bare
