"""The engines that are loaded: each model once, however many ask for it at once, and not too many.

The pool holds the engines that were used last. One that it lets go of lives on for as long as somebody has
it, a run in another thread for instance, and gives its memory back when the last one is done with it; until
then the pool knows it and gives it out again, so no model is ever in memory twice. So nobody has to say that
an engine is in use, and none is closed under anybody's hands.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakValueDictionary

from spnl.backends.base import Engine
from spnl.backends.supply import SuppliedModels
from spnl.backends.table import KeyedBackend, Notify, get_backend
from spnl.config import read_config, settle
from spnl.frozen import Frozen
from spnl.models.memory import memory_here
from spnl.models.naming import resolve_model
from spnl.models.progress import Progress
from spnl.settings import Settings

if TYPE_CHECKING:
    from spnl.models.lock import Lock

DEFAULT_LIMIT = 3
"""How many models a pool holds: enough to compare a few, few enough for a machine's memory."""


class _Key(NamedTuple):
    """What a loaded engine is known by: the name that all names of its model share, and how it was loaded."""

    name: str
    settings: Settings


class _Model(Frozen):
    """A model's name, resolved: what the pool calls it, its backend, and its name there."""

    key: _Key
    backend: KeyedBackend
    rest: str


class _Load:
    """A load in progress: whoever asks for the model meanwhile waits for its end, good or bad."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.engine: Engine | None = None
        self.error: BaseException | None = None

    def result(self) -> Engine:
        """Wait for the engine; raises what the load raised."""
        self.done.wait()
        if self.error is not None:
            raise self.error
        assert self.engine is not None
        return self.engine


def _say_nothing(note: str) -> None:
    pass


class ModelPool:
    """Gives out engines by model name and keeps the last `limit` of them loaded, or fewer that fit together.

    Those of servers take no memory here and are not counted.
    """

    def __init__(
        self,
        limit: int = DEFAULT_LIMIT,
        backends: Callable[[str, Notify, Settings], KeyedBackend] = get_backend,
    ) -> None:
        self._limit = limit
        self._backends = backends
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, Engine] = OrderedDict()
        self._sizes: dict[_Key, int] = {}
        """How much memory the models that are kept take, in bytes; 0 for those of servers."""
        self._alive: WeakValueDictionary[_Key, Engine] = WeakValueDictionary()
        self._loads: dict[_Key, _Load] = {}

    def with_settings(self, settings: Settings) -> SettledPool:
        """This pool as one run sees it: its models are loaded as `settings` say."""
        return SettledPool(self, settings)

    def get(self, model: str, notify: Notify = _say_nothing, settings: Settings | None = None) -> Engine:
        """The engine of a model, loaded if it is not yet. Raises `ModelError`.

        `notify` is told what the user should know of the load. A load that fails is forgotten: those that
        waited for it fail alike, and the next to ask tries again. Without `settings`, they are those of the
        environment and the configuration. A model that is loaded in two ways is in memory twice.
        """
        named = self._resolve(model, notify, settings)
        with self._lock:
            engine = self._alive.get(named.key)
            if engine is not None:
                self._keep(named.key, engine)
                return engine
            load = self._loads.get(named.key)
            ours = load is None
            if load is None:
                load = self._loads[named.key] = _Load()
        if ours:
            self._run(load, named)
        return load.result()

    def is_loaded(self, model: str, settings: Settings | None = None) -> bool:
        """Whether `get` would return at once. Raises `ModelError` where the name is of no model."""
        return self._resolve(model, settings=settings).key in self._alive

    def describe(self, model: str, fully: bool = False, settings: Settings | None = None) -> str | None:
        """What `get` would load, where that takes a while, or always, `fully`. Raises `ModelError`."""
        named = self._resolve(model, settings=settings)
        return named.backend.describe(named.rest, fully)

    def takes_seed(self, model: str) -> bool:
        """Whether a model's draws can be seeded. Raises `ModelError` where the name is of no model."""
        name = resolve_model(model, read_config(os.environ))
        return self._backends(name.backend, _say_nothing, settle(os.environ)).takes_seed

    def identity(self, model: str, notify: Notify = _say_nothing, settings: Settings | None = None) -> str:
        """What the replies of a model depend on, beside what it is asked. Raises `ModelError`."""
        named = self._resolve(model, notify, settings)
        return named.backend.identity(named.rest)

    def loaded(self) -> tuple[str, ...]:
        """The names of the models in memory, as `get` takes them; the one used last stands last."""
        with self._lock:
            let_go = [key for key in self._alive if key not in self._kept]
            return tuple(dict.fromkeys(key.name for key in (*let_go, *self._kept)))

    def unload(self, model: str) -> bool:
        """Close a model's engines; whether there was one. A stream that is open runs to its end."""
        return self._close(self._resolve(model).key.name)

    def unload_all(self) -> None:
        """Close all engines."""
        for name in self.loaded():
            self._close(name)

    def _resolve(self, model: str, notify: Notify = _say_nothing, settings: Settings | None = None) -> _Model:
        name = resolve_model(model, read_config(os.environ))
        settings = settings or settle(os.environ)
        backend = self._backends(name.backend, notify, settings)
        key = _Key(f"{name.backend}/{backend.key(name.rest)}", settings.of_load)
        return _Model(key, backend, name.rest)

    def _run(self, load: _Load, model: _Model) -> None:
        """Load a model for everybody who waits for it. What it raises, `load.result` raises."""
        size = 0
        try:
            size = model.backend.memory(model.rest)
            self._make_room(size)
            load.engine = model.backend.load(model.rest)
        except BaseException as error:
            load.error = error
        with self._lock:
            del self._loads[model.key]
            if load.engine is not None:
                self._sizes[model.key] = size
                self._alive[model.key] = load.engine
                self._keep(model.key, load.engine)
        load.done.set()

    def _keep(self, key: _Key, engine: Engine) -> None:
        """Hold an engine as the one used last."""
        self._kept[key] = engine
        self._kept.move_to_end(key)
        while len(here := self._here()) > self._limit:
            del self._kept[here[0]]

    def _here(self) -> list[_Key]:
        """The models that are kept in this machine's memory, the one used longest ago first."""
        return [key for key in self._kept if self._sizes[key]]

    def _make_room(self, size: int) -> None:
        """Let go of what a load of `size` bytes will push out, and of what it does not fit beside."""
        let_go: list[Engine] = []  # closed when the lock is free again
        with self._lock:
            here = self._here() if size else []
            while len(here) >= self._limit:
                let_go.append(self._kept.pop(here.pop(0)))
            if here:
                available = memory_here().available
                while here and size > available:
                    key = here.pop(0)
                    let_go.append(self._kept.pop(key))
                    available += self._sizes[key]

    def _close(self, name: str) -> bool:
        with self._lock:
            keys = [key for key in self._alive if key.name == name]
            engines = [self._alive.pop(key, None) for key in keys]
            for key in keys:
                self._kept.pop(key, None)
        for engine in engines:
            if engine is not None:
                engine.close()
        return bool(keys)


def _lock(path: str | os.PathLike[str] | None) -> Lock | None:
    if path is None:
        return None
    from spnl.models.lock import read_lock

    return read_lock(path)


class SettledPool:
    """A pool together with how models are loaded (`spnl.executor.dispatch.Models`)."""

    def __init__(self, pool: ModelPool, settings: Settings) -> None:
        self._pool = pool
        self._settings = settings

    def supplied(
        self, progress: Progress, *, offline: bool = False, lock: str | os.PathLike[str] | None = None
    ) -> SuppliedModels:
        """The models of this pool for one run, which fetches the files of those that are not here.

        With the file `lock`, models are what it holds. Raises `UsageError` where it is no lock.
        """
        return SuppliedModels(self, progress, offline=offline, lock=_lock(lock))

    def get(self, model: str, notify: Notify) -> Engine:
        """The engine of a model. Raises `ModelError`."""
        return self._pool.get(model, notify, self._settings)

    def is_loaded(self, model: str) -> bool:
        """Whether `get` would return at once. Raises `ModelError`."""
        return self._pool.is_loaded(model, self._settings)

    def describe(self, model: str, fully: bool) -> str | None:
        """What `get` would load, where that takes a while, or always, `fully`. Raises `ModelError`."""
        return self._pool.describe(model, fully, self._settings)

    def unload(self, model: str) -> bool:
        """Close a model's engines; whether it was loaded. A stream that is open runs to its end."""
        return self._pool.unload(model)

    def takes_seed(self, model: str) -> bool:
        """Whether a model's draws can be seeded. Raises `ModelError`."""
        return self._pool.takes_seed(model)

    def identity(self, model: str, notify: Notify) -> str:
        """What the replies of a model depend on, beside what it is asked. Raises `ModelError`."""
        return self._pool.identity(model, notify, self._settings)


POOL = ModelPool()
"""The pool of this process: its only state that is shared by all runs."""
