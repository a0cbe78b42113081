"""Dispatching: models are loaded once and in turn, engines get what they take, and size is no obstacle."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from recording import RecordedObserver, run, shape, texts
from scripted import ScriptedEngine, ScriptedModels

from spnl.backends.base import Chunk, Request
from spnl.query import Deferred, Generate, Message, Query
from spnl.reader import MAX_DEPTH


def test_work_is_grouped_by_model_and_each_is_loaded_once() -> None:
    """Generations that do not depend on each other wait for their model's turn: a b a b loads a, then b."""
    a, b = ScriptedEngine(parallel=2), ScriptedEngine(parallel=2)
    models = ScriptedModels(a, a=a, b=b)
    observer = RecordedObserver()
    program = " ".join(f'(g "{"ab"[n % 2]}" "{n}" 9 0)' for n in range(6))
    answer = run(f"(par {program})", models=models, observer=observer)
    assert models.loaded == observer.loads == ["a", "b"]
    assert (sorted(a.asked), sorted(b.asked)) == (["0", "2", "4"], ["1", "3", "5"])
    assert texts(answer) == [str(n) for n in range(6)]


def test_one_model_at_a_time_streams() -> None:
    """A model is not loaded while another streams: its engine would hold up everything."""
    a = ScriptedEngine(parallel=4)
    open_at_load: list[int] = []

    class Watched(ScriptedModels):
        def get(self, model: str, notify: Callable[[str], None]) -> ScriptedEngine:
            open_at_load.append(a.open)
            return super().get(model, notify)

    run('(par (g "a" "1" 9 0) (g "b" "2" 9 0) (g "a" "3" 9 0))', models=Watched(a, a=a, b=ScriptedEngine()))
    assert open_at_load == [0, 0]


def test_a_model_asked_for_again_is_not_loaded_again() -> None:
    observer = RecordedObserver()
    models = ScriptedModels(ScriptedEngine())
    run('(seq (g "a" "1" 9 0) (g "b" "2" 9 0) (g "a" "3" 9 0))', models=models, observer=observer)
    assert observer.loads == ["a", "b"]


def test_nothing_is_loaded_where_nothing_is_generated() -> None:
    models = ScriptedModels(ScriptedEngine())
    run('(seq "a" (user "b") (print "c"))', models=models)
    assert models.loaded == []


@pytest.mark.parametrize("parallel", [1, 2, 5])
def test_an_engine_has_as_many_streams_as_it_takes_and_no_more(parallel: int) -> None:
    engine = ScriptedEngine(parallel=parallel)
    run('(repeat 40 (g "a"))', engine)
    assert engine.most_open <= parallel
    assert len(engine.requests) == 40


def test_the_observer_is_told_in_the_callers_thread() -> None:
    observer = RecordedObserver()
    run('(par (g "a") (g "b"))', ScriptedEngine(parallel=2), observer=observer)
    assert observer.threads == {threading.current_thread()}


def test_the_observer_is_given_prompts_only_if_it_wants_them() -> None:
    """Rendering takes time."""
    curious, other = RecordedObserver(prompts=True), RecordedObserver()
    run('(g (seq (system "s") (user "q")))', observer=curious)
    run('(g (seq (system "s") (user "q")))', observer=other)
    assert (curious.prompts, other.prompts) == (["<system>s\n<user>q"], [None])


def test_thought_is_kept_apart_from_the_reply() -> None:
    """It is told to the observer, with its end, kept in the reply, and no part of the text."""

    def script(request: Request) -> list[str | Chunk]:
        return [Chunk(thought="let me "), Chunk(thought="see"), "said", " so"]

    observer = RecordedObserver()
    answer = run('(g (user (g "x")))', ScriptedEngine(script), observer=observer)
    assert answer.text == "said so"
    assert [reply.thought for reply in answer.replies] == ["let me see"] * 2
    assert observer.thoughts == ["let me ", "see", "|"] * 2
    assert observer.replies[-1].usage.prompt_tokens == 2


def test_ten_thousand_generations_finish() -> None:
    """Counted, not timed: in order, at once, as draws and as inputs, within one answer."""
    engine = ScriptedEngine(parallel=3)
    in_order = " ".join(f'(g "{n}")' for n in range(2_500))
    at_once = " ".join(f'(user "<" (g "{n}") ">")' for n in range(2_500))
    inputs = " ".join(f'"{n}"' for n in range(2_500))
    answer = run(f'(seq {in_order}) (par {at_once}) (repeat 2500 (g "x")) (map {inputs})', engine)
    assert len(engine.requests) == len(answer.replies) == len(answer.parts) == 10_000
    assert texts(answer)[:2_500] == texts(answer)[7_500:] == [str(n) for n in range(2_500)]
    assert texts(answer)[2_500:5_000] == [f"<{n}>" for n in range(2_500)]


@pytest.mark.parametrize("form", ["seq", "cross", "par", "plus", "g", "user", "monad", "repeat 1", "try 1"])
def test_programs_may_nest_as_deep_as_the_reader_reads(form: str) -> None:
    depth = MAX_DEPTH - 1
    run("".join([f"({form} "] * depth) + '(g "x")' + ")" * depth)


def test_bindings_may_nest_as_deep_as_the_reader_reads() -> None:
    depth = MAX_DEPTH // 3
    program = (
        "".join(f"(let ((x{n + 1} (g (user x{n} 1)))) " for n in range(depth)) + f"x{depth}" + ")" * depth
    )
    answer = run(f'(define x0 "0") {program}')
    assert answer.text == "0" + "1" * depth


def test_a_chain_of_steps_costs_no_stack() -> None:
    """Ten thousand steps, each known only when the one before it is."""

    def step(left: int) -> Query:
        if left == 0:
            return Message("user", "end")
        wait = Generate(None, Message("user", "x"))
        return Deferred("choose", "test", (wait,) if left % 100 == 0 else (), lambda values: step(left - 1))

    answer = run(step(10_000))  # type: ignore[arg-type]
    assert shape(answer.result) == "end"
    assert len(answer.replies) == 100
