"""The engine's memory of prompts is bounded, though the engine itself forgets nothing on a CPU."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from engine.asking import ask, request

from spnl.backends.mistralrs import runners
from spnl.backends.mistralrs.runners import UNMEASURED, Renewable
from spnl.backends.pool import ModelPool
from spnl.errors import GenerationError
from spnl.models.local import BUNDLED_FILE, LocalModel
from spnl.models.locating import locate

FORGETTING = """
import sys
import mistralrs, psutil

runner = mistralrs.Runner(mistralrs.Which.GGUF(sys.argv[1], sys.argv[2]), prefix_cache_n=2)
for number in range(90):
    list(runner.send_chat_completion_request(mistralrs.ChatCompletionRequest(
        messages=[{"role": "user", "content": f"What is {number}?"}], model="default", stream=True,
        max_tokens=2)))
    if number == 9:
        before = psutil.Process().memory_info().rss
print(psutil.Process().memory_info().rss - before)
"""


def test_plain_mistralrs_still_forgets_nothing_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUST_LOG", "off")
    script = [sys.executable, "-c", FORGETTING, str(BUNDLED_FILE.parent), BUNDLED_FILE.name]
    done = subprocess.run(script, capture_output=True, text=True, timeout=100, check=True)
    assert int(done.stdout) > 60 << 20, (
        "80 sequences left little behind, with a limit of 2: the engine seems to forget now. "
        "If it does, `MistralrsEngine` need not be given a way to build the model anew."
    )


class Memory:
    """A process of a size that is set by hand."""

    used = 100 << 20
    available = 1 << 40

    def install(self, monkeypatch: pytest.MonkeyPatch) -> Memory:
        size = type(
            "size",
            (),
            {"rss": property(lambda _: self.used), "available": property(lambda _: self.available)},
        )
        monkeypatch.setattr(psutil, "Process", lambda: type("p", (), {"memory_info": lambda _: size()})())
        monkeypatch.setattr(psutil, "virtual_memory", lambda: size())
        return self


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    monkeypatch.setattr(runners, "WORTH", 0)
    return Memory().install(monkeypatch)


@pytest.fixture
def model() -> LocalModel:
    return locate("tiny")


@pytest.fixture
def renewable(model: LocalModel) -> Renewable:
    """A renewable runner whose runners are numbers."""
    numbers: Iterator[Any] = iter(range(1, 100))
    first: Any = 0
    return Renewable(first, lambda: next(numbers), model)


def streams(renewable: Renewable, count: int = UNMEASURED + 1) -> list[Any]:
    """The runners that so many streams are given, one after another."""
    given = []
    for _ in range(count):
        with renewable.streaming() as runner:
            given.append(runner)
    return given


def test_a_runner_that_has_grown_is_built_anew_between_streams(memory: Memory, renewable: Renewable) -> None:
    assert set(streams(renewable, 50)) == {0}
    memory.used += runners.LEAST_GROWTH + 1
    assert streams(renewable, 3) == [0, 1, 1]
    assert set(streams(renewable, 50)) == {1}, "what stays with the allocator is no growth"
    memory.used += runners.LEAST_GROWTH + 1
    assert streams(renewable, 2) == [1, 2]


def test_a_large_model_may_grow_more(memory: Memory, model: LocalModel) -> None:
    first: Any = 0
    second: Any = 1
    renewable = Renewable(first, lambda: second, model.but(size=4 << 30))
    streams(renewable)
    memory.used += 3 << 30
    assert streams(renewable, 2) == [0, 0]
    memory.used += 2 << 30
    streams(renewable, 1)
    assert renewable._is_full


def test_what_took_long_to_build_is_used_for_long(
    memory: Memory, model: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But not where memory runs short."""
    now = 0.0
    monkeypatch.setattr(runners, "monotonic", lambda: now)
    monkeypatch.setattr(runners, "WORTH", 20)
    first: Any = 0
    second: Any = 1
    renewable = Renewable(first, lambda: second, model, built_in=2.0)
    streams(renewable)
    memory.used += runners.LEAST_GROWTH + 1
    assert streams(renewable, 3) == [0, 0, 0]
    now = 2.0 * runners.WORTH
    assert streams(renewable, 2) == [0, 1]
    scarce = Renewable(first, lambda: second, model, built_in=1000.0)
    streams(scarce)
    memory.used += runners.LEAST_GROWTH + 1
    memory.available = 1 << 30
    assert streams(scarce, 2) == [0, 1]


def test_a_stream_waits_for_those_that_are_open(memory: Memory, renewable: Renewable) -> None:
    streams(renewable)
    memory.used += runners.LEAST_GROWTH + 1
    with renewable.streaming():
        pass
    open_stream = renewable.streaming()
    given: list[Any] = []
    renewable._is_full = False  # the open stream began before it was full
    assert open_stream.__enter__() == 0
    renewable._is_full = True
    late = threading.Thread(target=lambda: given.extend(streams(renewable, 1)))
    late.start()
    assert given == []
    open_stream.__exit__(None, None, None)
    late.join(10)
    assert given == [1]


def test_what_is_unloaded_is_not_built_anew(memory: Memory, renewable: Renewable) -> None:
    streams(renewable)
    memory.used += runners.LEAST_GROWTH + 1
    streams(renewable, 1)
    renewable.close()
    with pytest.raises(GenerationError, match="has been unloaded"), renewable.streaming():
        pass


def test_without_a_way_to_build_it_a_runner_stays(memory: Memory, model: LocalModel) -> None:
    first: Any = 0
    renewable = Renewable(first, None, model)
    streams(renewable)
    memory.used += 10 * runners.LEAST_GROWTH
    assert set(streams(renewable, 20)) == {0}


def test_answers_are_the_same_after_a_renewal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the real engine, with a bound so low that some twenty replies fill it."""
    monkeypatch.setattr(runners, "LEAST_GROWTH", 24 << 20)
    monkeypatch.setattr(runners, "WORTH", 0)
    pool = ModelPool()
    engine: Any = pool.get("tiny")
    first = engine._runner._runner
    before = ask(engine, "What is the capital of France?")
    for number in range(40):
        ask(engine, f"What is {number}?", max_tokens=2)
    assert engine._runner._runner is not first
    assert ask(engine, "What is the capital of France?") == before


def test_what_is_free_is_no_growth(
    memory: Memory, renewable: Renewable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regression: what an allocator kept was taken for used, so each renewal added to the process."""
    monkeypatch.setattr(runners, "give_back", lambda: setattr(memory, "used", 100 << 20))
    for number in range(5):
        assert streams(renewable) == [number] * (UNMEASURED + 1)
        assert memory.used == 100 << 20
        memory.used += runners.LEAST_GROWTH + 1
        assert streams(renewable, 1) == [number]


@pytest.mark.skipif(sys.platform != "linux", reason="other allocators cannot be asked")
def test_what_is_free_is_given_back() -> None:
    """Blocks that are small enough to lie side by side; those that stay pin the others."""
    process = psutil.Process()
    blocks = [b"x" * 60_000 for _ in range(4000)]
    full = process.memory_info().rss
    pins = blocks[::100]
    del blocks
    runners.give_back()
    assert process.memory_info().rss < full - (200 << 20)
    assert len(pins) == 40


@pytest.mark.soak
def test_memory_is_flat_over_thousands_of_replies() -> None:
    engine = ModelPool().get("tiny")
    process = psutil.Process()
    peaks = []
    for _ in range(5):
        peak = 0
        for number in range(500):
            for _piece in engine.stream(request(f"What is {number}?", max_tokens=4)):
                pass
            peak = max(peak, process.memory_info().rss)
        peaks.append(peak)
    assert max(peaks[2:]) <= max(peaks[:2]) + (64 << 20)
