"""The pool: each model once, however many ask, and not too many."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from weakref import WeakValueDictionary

import mistralrs
import pytest
from fixtures_models import TINY, ModelFiles

from spnl.backends.base import Chunk, Finish, Request
from spnl.backends.mistralrs.engine import MistralrsEngine
from spnl.backends.pool import ModelPool
from spnl.errors import ModelError
from spnl.models.memory import Memory
from spnl.settings import Settings

GB = 10**9


class Engine:
    """An engine that only knows whether it is closed."""

    parallel = 1

    def __init__(self, model: str) -> None:
        self.model = model
        self.closed = False

    def stream(self, request: Request) -> Iterator[Chunk | Finish]:
        raise NotImplementedError

    def render(self, request: Request) -> str | None:
        return None

    def close(self) -> None:
        self.closed = True


class Backend:
    """A backend that counts; what a load does beyond that, a test decides."""

    def __init__(self, on_load: Callable[[str], None] = lambda model: None) -> None:
        self.loads: list[str] = []
        self.alive: WeakValueDictionary[str, Engine] = WeakValueDictionary()
        self.asked = 0
        self._on_load = on_load
        self._changed = threading.Condition()

    def __call__(self, name: str, notify: Callable[[str], None], settings: Settings) -> Backend:
        self.notify = notify
        return self

    def key(self, model: str) -> str:
        with self._changed:
            self.asked += 1
            self._changed.notify_all()
        return model.removeprefix("same-as-")

    def wait_until_asked(self, times: int) -> None:
        """Wait until that many have asked for a model."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.asked >= times, timeout=60)

    def memory(self, model: str) -> int:
        return 0 if model.startswith("server") else GB

    def describe(self, model: str, fully: bool) -> str | None:
        return f"{model} (1 GB)"

    def load(self, model: str) -> Engine:
        self.loads.append(model)
        self._on_load(model)
        engine = self.alive[model] = Engine(model)
        return engine


def test_eight_at_once_load_a_model_once() -> None:
    backend = Backend(lambda model: backend.wait_until_asked(8))
    pool = ModelPool(backends=backend)
    with ThreadPoolExecutor(8) as threads:
        engines = list(threads.map(pool.get, ["x"] * 8))
    assert backend.loads == ["x"]
    assert len(set(engines)) == 1


def test_eight_at_once_load_each_of_two_models_once() -> None:
    backend = Backend(lambda model: backend.wait_until_asked(8))
    pool = ModelPool(backends=backend)
    with ThreadPoolExecutor(8) as threads:
        engines = list(threads.map(pool.get, ["x", "y"] * 4))
    assert sorted(backend.loads) == ["x", "y"]
    assert len(set(engines)) == 2


def test_eight_at_once_build_one_runner_of_the_real_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []
    real = mistralrs.Runner

    def spy(*given: Any, **options: Any) -> Any:
        built.append(given)
        return real(*given, **options)

    monkeypatch.setattr(mistralrs, "Runner", spy)
    pool = ModelPool()
    start = threading.Barrier(8)

    def get(name: str) -> Any:
        start.wait(60)
        return pool.get(name)

    with ThreadPoolExecutor(8) as threads:
        engines = set(threads.map(get, ["tiny", "mistralrs/tiny", "local/tiny", str(TINY)] * 2))
    assert (len(built), len(engines)) == (1, 1)
    assert pool.loaded() == ("mistralrs/tiny",)


def test_a_failure_is_shared_by_those_who_waited_and_forgotten() -> None:
    def fail(model: str) -> None:
        backend.wait_until_asked(4)
        if len(backend.loads) == 1:
            raise ModelError("load-failed", "not today")

    backend = Backend(fail)
    pool = ModelPool(backends=backend)

    def get(name: str) -> str:
        try:
            return type(pool.get(name)).__name__
        except ModelError as error:
            return error.id

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(get, ["x"] * 4)) == ["load-failed"] * 4
    assert backend.loads == ["x"]
    assert not pool.is_loaded("x")
    assert get("x") == "Engine"


def test_an_interrupted_load_leaves_no_trace() -> None:
    def interrupt(model: str) -> None:
        if len(backend.loads) == 1:
            raise KeyboardInterrupt

    backend = Backend(interrupt)
    pool = ModelPool(backends=backend)
    with pytest.raises(KeyboardInterrupt):
        pool.get("x")
    assert pool.get("x").parallel == 1


def test_different_models_load_side_by_side() -> None:
    backend = Backend(lambda model: backend.wait_until_asked(2))
    pool = ModelPool(backends=backend)
    with ThreadPoolExecutor(2) as threads:
        assert [engine.model for engine in threads.map(pool.get, ["x", "y"])] == ["x", "y"]  # type: ignore[attr-defined]


def test_the_models_used_last_are_kept() -> None:
    backend = Backend()
    pool = ModelPool(2, backends=backend)
    for name in ("x", "y", "x", "z"):
        pool.get(name)
    assert pool.loaded() == ("mistralrs/x", "mistralrs/z")
    pool.get("x")
    assert backend.loads == ["x", "y", "z"]
    pool.get("y")
    assert pool.loaded() == ("mistralrs/x", "mistralrs/y")
    assert backend.loads == ["x", "y", "z", "y"]


def test_room_is_made_before_a_model_is_loaded() -> None:
    seen: list[tuple[str, ...]] = []
    backend = Backend(lambda model: seen.append(pool.loaded()))
    pool = ModelPool(1, backends=backend)
    pool.get("x")
    pool.get("y")
    assert seen == [(), ()]


def fits(monkeypatch: pytest.MonkeyPatch, models: int, backend: Backend) -> None:
    """Let this machine's memory hold so many models."""

    def here() -> Memory:
        return Memory(
            (models - sum(not name.startswith("server") for name in backend.alive)) * GB, models * GB
        )

    monkeypatch.setattr("spnl.backends.pool.memory_here", here)


def test_what_does_not_fit_beside_a_load_is_let_go_of_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one used longest ago, and no more than that."""
    seen: list[tuple[str, ...]] = []
    backend = Backend(lambda model: seen.append(pool.loaded()))
    pool = ModelPool(8, backends=backend)
    fits(monkeypatch, 2, backend)
    for name in ("x", "y", "x", "z"):
        pool.get(name)
    assert seen == [(), ("mistralrs/x",), ("mistralrs/x",)]
    assert pool.loaded() == ("mistralrs/x", "mistralrs/z")
    assert backend.loads == ["x", "y", "z"]


def test_models_that_fit_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Backend()
    pool = ModelPool(8, backends=backend)
    fits(monkeypatch, 8, backend)
    for name in ("x", "y", "z", "x", "y", "z"):
        pool.get(name)
    assert backend.loads == ["x", "y", "z"]


def test_models_of_servers_take_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Backend()
    pool = ModelPool(1, backends=backend)
    fits(monkeypatch, 1, backend)
    for name in ("server-1", "x", "server-2", "server-1", "x", "server-2"):
        pool.get(name)
    assert backend.loads == ["server-1", "x", "server-2"]
    pool.get("y")
    assert set(pool.loaded()) == {"mistralrs/server-1", "mistralrs/server-2", "mistralrs/y"}


def test_an_engine_that_somebody_has_is_neither_closed_nor_loaded_again() -> None:
    backend = Backend()
    pool = ModelPool(1, backends=backend)
    ours = pool.get("x")
    pool.get("y")
    assert isinstance(ours, Engine) and not ours.closed
    assert pool.is_loaded("x")
    assert set(pool.loaded()) == {"mistralrs/x", "mistralrs/y"}
    assert pool.get("x") is ours
    assert backend.loads == ["x", "y"]
    pool.get("y")
    del ours
    gc.collect()
    assert pool.loaded() == ("mistralrs/y",)


def test_two_names_of_one_model_share_an_engine() -> None:
    backend = Backend()
    pool = ModelPool(backends=backend)
    assert pool.get("x") is pool.get("same-as-x") is pool.get("mistralrs/x")
    assert backend.loads == ["x"]


def test_unloading() -> None:
    pool = ModelPool(backends=Backend())
    x, y = pool.get("x"), pool.get("y")
    assert isinstance(x, Engine) and isinstance(y, Engine)
    assert pool.unload("x")
    assert (x.closed, y.closed) == (True, False)
    assert not pool.unload("x")
    assert pool.loaded() == ("mistralrs/y",)
    pool.unload_all()
    assert y.closed
    assert pool.loaded() == ()


def test_names_are_judged_before_anything_is_loaded() -> None:
    pool = ModelPool()
    for ask in (pool.get, pool.is_loaded, pool.describe, pool.unload):
        with pytest.raises(ModelError, match="cannot be a model's name"):
            ask("no such name")


def test_describing_and_notes_are_the_backends() -> None:
    backend = Backend()
    pool = ModelPool(backends=backend)
    assert pool.describe("x") == "x (1 GB)"
    notes: list[str] = []
    pool.get("x", notes.append)
    backend.notify("a note")
    assert notes == ["a note"]


def test_an_unloaded_model_lets_its_open_stream_end(files: ModelFiles) -> None:
    from engine.asking import ask, request

    pool = ModelPool()
    engine = pool.get(str(files.q8))
    expected = ask(engine, "Hello there")
    stream = engine.stream(request("Hello there"))
    first = next(stream)
    pool.unload(str(files.q8))
    assert isinstance(first, Chunk)
    text = first.text + "".join(piece.text for piece in stream if isinstance(piece, Chunk))
    assert text == expected.text
    assert isinstance(engine, MistralrsEngine)
    with pytest.raises(Exception, match="has been unloaded"):
        ask(engine, "Hello there")
