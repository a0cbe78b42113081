"""What runs at the same time, on scripted engines that declare devices of several kinds."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from recording import run, texts
from scripted import PATIENCE, ScriptedEngine, ScriptedModels, echo

from spnl.backends.base import Batching, Chunk, Finish, Request

CPU = Batching(streams=8, prefills=1, equal_only=True, lending=16)
GPU = Batching(streams=8, prefills=1, lending=16)
LONG = "fact " * 200
"""Several blocks of a prompt."""


class Watched(ScriptedEngine):
    """Notes which prompts are under way together: at each, those that were open when it was opened."""

    def __init__(self, batching: Batching, parallel: int = 4, hold: int = 1) -> None:
        super().__init__(self.say, parallel, batching)
        self.together: list[set[str]] = []
        self._open: set[str] = set()
        self._lock = threading.Lock()
        self._hold = hold
        self._held = threading.Condition()
        self._begun = 0

    def say(self, request: Request) -> Iterator[str]:
        """Speak at once, and end when `hold` requests have been opened, without those that run ahead."""
        text = echo(request)
        with self._lock:
            self._open.add(text)
            self.together.append(set(self._open))
        yield text
        if request.sampling.max_tokens == 1:
            return
        with self._held:
            self._begun += 1
            self._held.notify_all()
            assert self._held.wait_for(lambda: self._begun >= self._hold, PATIENCE), "no company came"
        with self._lock:
            self._open.discard(text)


def leaders(engine: ScriptedEngine) -> list[int]:
    """Where, among the requests, are those that run ahead."""
    return [index for index, request in enumerate(engine.requests) if request.sampling.max_tokens == 1]


def inputs(*prompts: str) -> str:
    return "(map " + " ".join(f'"{prompt}"' for prompt in prompts) + " (temperature 1))"


def test_on_a_cpu_prompts_of_one_length_run_together_and_others_alone() -> None:
    engine = Watched(CPU)
    answer = run(inputs("a b", "c", "d e", "f g h", "i j"), engine)
    assert texts(answer) == ["a b", "c", "d e", "f g h", "i j"]
    assert engine.asked == ["a b", "d e", "i j", "c", "f g h"]
    alone = [opened for opened in engine.together if opened & {"c", "f g h"}]
    assert alone == [{"c"}, {"f g h"}]


def test_on_a_cpu_a_batch_is_under_way_at_once() -> None:
    """Each waits for the others to be opened."""
    engine = Watched(CPU, parallel=3, hold=3)
    run(inputs("a", "b", "c"), engine)
    assert engine.most_open == 3


@pytest.mark.parametrize("batching", [CPU, GPU])
def test_one_prompt_is_read_at_a_time(batching: Batching) -> None:
    """The next is opened only after the one before has said something."""
    silent = 0
    most = 0
    lock = threading.Lock()

    class Reading(ScriptedEngine):
        def stream(self, request: Request) -> Iterator[Chunk | Finish]:
            nonlocal silent, most
            with lock:
                silent += 1
                most = max(most, silent)
            for number, piece in enumerate(super().stream(request)):
                if number == 0:
                    with lock:
                        silent -= 1
                yield piece

    answer = run('(repeat 40 (g "a b c"))', Reading(parallel=4, batching=batching))
    assert len(answer.parts) == 40
    assert most == 1


def test_what_cannot_be_measured_runs_alone() -> None:
    class Unmeasured(ScriptedEngine):
        def count_tokens(self, request: Request) -> int | None:
            return None

    engine = Unmeasured(parallel=4, batching=CPU)
    run(inputs("a", "b", "c"), engine)
    assert engine.most_open == 1


def test_draws_from_one_prompt_need_not_be_measured() -> None:
    class Unmeasured(ScriptedEngine):
        def count_tokens(self, request: Request) -> int | None:
            raise AssertionError("measured")

    engine = Unmeasured(parallel=4, batching=CPU)
    assert len(run('(repeat 9 (g "a"))', engine).parts) == 9


def test_on_a_cpu_the_first_of_those_that_begin_alike_is_done_before_the_others() -> None:
    """Those then run together."""
    open_with: dict[str, int] = {}
    both = threading.Barrier(2)

    def script(request: Request) -> Iterator[str]:
        open_with[echo(request)] = engine.open
        yield echo(request)
        if echo(request) in "bc":
            both.wait(PATIENCE)

    engine = ScriptedEngine(script, parallel=4, batching=CPU)
    asks = " ".join(f'(g (seq (system "{LONG}") "{text}"))' for text in "abc")
    answer = run(f'(par {asks} (g "d e f"))', engine)
    assert engine.asked == ["a", "b", "c", "d e f"]
    assert texts(answer) == ["a", "b", "c", "d e f"]
    assert leaders(engine) == []
    assert open_with == {"a": 1, "b": 1, "c": 2, "d e f": 1}


def test_draws_from_one_long_prompt_have_one_run_ahead() -> None:
    """Its one token is no part of anything."""
    engine = ScriptedEngine(parallel=4, batching=CPU)
    answer = run(f'(par (repeat 2 (g (seq (system "{LONG}") "a"))) (g "c d e"))', engine)
    assert engine.asked == ["a .", "a", "a", "c d e"]
    assert engine.requests[0].sampling.max_tokens == 1
    assert engine.requests[0].messages[0] == ("system", LONG)
    assert (texts(answer), len(answer.replies)) == (["a", "a", "c d e"], 3)


def test_nothing_runs_ahead_of_one_alone_or_where_the_engine_lends_already() -> None:
    different = f'(par (g (seq (system "{LONG}") "a")) (g (seq (system "{LONG}") "b c")))'
    alike = f'(seq (g (seq (system "{LONG}") "z")) (repeat 3 (g (seq (system "{LONG}") "a"))))'
    for program in (different, alike, '(repeat 3 (g "short"))'):
        engine = ScriptedEngine(parallel=4, batching=CPU)
        run(program, engine)
        assert leaders(engine) == [], program


@pytest.mark.parametrize(
    "batching", [Batching(equal_only=True, lending=16, lends_early=True), Batching(equal_only=True)]
)
def test_nothing_runs_ahead_where_it_would_not_help(batching: Batching) -> None:
    engine = ScriptedEngine(parallel=4, batching=batching)
    run(f'(repeat 4 (g "{LONG}"))', engine)
    assert leaders(engine) == []


def test_on_a_gpu_one_runs_ahead_of_each_beginning_and_then_all_together() -> None:
    engine = Watched(GPU, parallel=4)
    asks = " ".join(f'(g (seq (system "{letter}{LONG}") "{letter}{n}"))' for n in range(3) for letter in "xy")
    answer = run(f"(par {asks})", engine)
    assert texts(answer) == ["x0", "y0", "x1", "y1", "x2", "y2"]
    assert [engine.asked[index] for index in leaders(engine)] == ["x0 .", "y0 ."]
    assert engine.asked[:2] == ["x0 .", "x0"]
    assert engine.together[0] == {"x0 ."}


def test_a_leader_that_fails_is_passed_over() -> None:
    from spnl.errors import GenerationError

    def script(request: Request) -> str:
        if echo(request).endswith(" ."):
            raise GenerationError("engine-failed", "it broke")
        return echo(request)

    engine = ScriptedEngine(script, parallel=4, batching=CPU)
    assert texts(run(f'(repeat 3 (g (seq (system "{LONG}") "a")))', engine)) == ["a"] * 3
    assert len(engine.requests) == 4


def test_draws_from_one_long_prompt_are_as_many_at_once_as_the_engine_takes() -> None:
    """More than are worth having otherwise: it reads a prompt anew that it has finished."""
    engine = Watched(CPU, parallel=2, hold=8)
    run(f'(repeat 8 (g "{LONG}"))', engine)
    assert engine.most_open == 8


@pytest.mark.parametrize(("parallel", "expected"), [(1, 1), (3, 3), (100, 8)])
def test_a_run_says_how_many_at_most(parallel: int, expected: int) -> None:
    """But an engine has its own limit."""
    engine = Watched(CPU, parallel=4, hold=expected)
    run(f'(repeat 8 (g "{LONG}"))', engine, parallel=parallel)
    run('(repeat 8 (g "short"))', engine, parallel=parallel)
    assert engine.most_open == expected


def test_the_answer_is_in_source_order_and_the_first_is_asked_first() -> None:
    engine = ScriptedEngine(parallel=2, batching=CPU.but(lending=1))
    letters = "xyzxyz"
    asks = " ".join(f'(g (seq (system "{letter}{LONG}") "{n}"))' for n, letter in enumerate(letters))
    answer = run(f"(par {asks})", engine)
    assert texts(answer) == [str(n) for n in range(6)]
    assert [text for text in engine.asked if "." not in text] == ["0", "3", "1", "4", "2", "5"]


def test_a_loaded_model_goes_before_one_that_has_to_be_loaded() -> None:
    """So what waits for it may be asked before another model takes its place."""
    a, b, c = ScriptedEngine(), ScriptedEngine(), ScriptedEngine()
    models = ScriptedModels(a, a=a, b=b, c=c)
    program = '(seq (g "c" "0" 9 0) (par (g "a" "1" 9 0) (seq (g "b" "2" 9 0) (g "c" "3" 9 0))))'
    run(program, models=models)
    assert models.loaded == ["c", "a", "b"]
    order: list[str] = []

    class Ordered(ScriptedModels):
        def get(self, model: str, notify: object) -> ScriptedEngine:
            order.append(model)
            return super().get(model, notify)  # type: ignore[arg-type]

    loaded = Ordered(a)
    loaded.loaded.append("b")
    run('(par (g "a" "4" 9 0) (g "b" "5" 9 0))', models=loaded)
    assert order == ["b", "a"]
