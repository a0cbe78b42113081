"""What runs when, what each model is asked, and what comes of it: one structure after another."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from recording import RecordedOutput, run, shape, texts
from scripted import PATIENCE, ScriptedEngine

from spnl.backends.base import Request
from spnl.errors import ProgramError


def prompts(engine: ScriptedEngine) -> list[tuple[tuple[str, str], ...]]:
    """The messages of each request, in the order of asking."""
    return [request.messages for request in engine.requests]


def all_together(count: int) -> ScriptedEngine:
    """An engine that replies only once `count` generations are under way at the same time."""
    barrier = threading.Barrier(count, timeout=PATIENCE)

    def script(request: Request) -> Iterator[str]:
        barrier.wait()
        yield request.messages[-1][1]

    return ScriptedEngine(script, parallel=count)


@pytest.mark.parametrize("kind", ["seq", "cross"])
def test_children_in_order_run_one_after_another(kind: str) -> None:
    """Also where the engine could take more at once."""
    engine = ScriptedEngine(parallel=4)
    answer = run(f'({kind} (g "a") (user "b") (g "c"))', engine)
    assert engine.asked == ["a", "c"]
    assert engine.most_open == 1
    assert shape(answer.result) == (kind, "a", "b", "c")


@pytest.mark.parametrize("kind", ["par", "plus"])
def test_independent_children_run_at_once(kind: str) -> None:
    engine = all_together(3)
    answer = run(f'({kind} (g "a") (g "b") (g "c"))', engine)
    assert shape(answer.result) == (kind, "a", "b", "c")


@pytest.mark.parametrize("kind", ["par", "plus"])
def test_independent_children_start_in_source_order_as_many_as_the_engine_takes(kind: str) -> None:
    engine = ScriptedEngine(parallel=2)
    run(f'({kind} (g "a") ({kind} (g "b") (g "c")) (seq (g "d") (g "f")) (g "e"))', engine)
    assert engine.most_open <= 2
    assert engine.asked.index("d") < engine.asked.index("f")
    one_at_a_time = ScriptedEngine(parallel=1)
    run(f'({kind} (g "a") ({kind} (g "b") (g "c")) (seq (g "d") (g "f")) (g "e"))', one_at_a_time)
    assert one_at_a_time.asked == ["a", "b", "c", "d", "e", "f"]


def test_one_independent_result_stands_for_itself() -> None:
    assert shape(run('(seq (par (g "a") (monad (g "b"))) "c")').result) == ("seq", "a", "c")


@pytest.mark.parametrize(
    ("program", "asked", "expected"),
    [
        ('(zip "x" (par (g "a") (g "b")))', ["a", "b"], ("par", "x", "a", "x", "b")),
        ('(zip (g "x") (seq (g "a") (g "b")))', ["x", "a", "b"], ("seq", "x", "a", "x", "b")),
        ('(zip (plus "x" (g "y")) (par (g "a") (g "b")))', ["y", "a", "b"],
         ("par", ("plus", "x", "y", "a"), ("plus", "x", "y", "b"))),
        ('(zip "x" (plus (g "a") (g "b")))', ["a", "b"], ("plus", "x", "a", "x", "b")),
        ('(zip (g "x") (g "y"))', ["x", "y"], ("seq", "x", "y")),
    ],
)  # fmt: skip
def test_zip_pairs_each_result_with_the_first_evaluated_once(
    program: str, asked: list[str], expected: tuple[object, ...]
) -> None:
    engine = ScriptedEngine()
    output = RecordedOutput()
    answer = run(program, engine, output=output)
    assert engine.asked == asked
    assert shape(answer.result) == expected
    assert [text for _, text in output.leaves] == texts(answer)


def test_monad_runs_in_its_turn_and_contributes_nothing() -> None:
    engine = ScriptedEngine(parallel=4)
    output = RecordedOutput()
    answer = run(
        '(seq (g "a") (monad (g "warm")) (g (seq (monad (g "up")) (user "b"))))', engine, output=output
    )
    assert engine.asked == ["a", "warm", "up", "b"]
    assert engine.requests[-1].messages == (("user", "b"),)
    assert shape(answer.result) == ("seq", "a", "b")
    assert output.leaves == [("model", "a"), ("model", "b")]


def test_repeat_draws_each_time_from_one_input() -> None:
    """n draws are n requests, of an input that is evaluated once; the replies count their draws."""
    draws = iter(["in", "one", "two", "three"])
    engine = ScriptedEngine(lambda request: next(draws))
    answer = run('(repeat 3 (g (seq (system "s") (g "in")) (max-tokens 7)))', engine)
    assert prompts(engine) == [(("user", "in"),), *[(("system", "s"), ("assistant", "in"))] * 3]
    assert shape(answer.result) == ("par", "one", "two", "three")
    assert [part.reply.index for part in answer.parts if part.reply] == [0, 1, 2]


def test_repeat_draws_at_once() -> None:
    assert len(run('(repeat 5 (g "x"))', all_together(5)).parts) == 5


def test_repeat_of_anything_else_copies_it() -> None:
    engine = ScriptedEngine()
    answer = run('(repeat (n 2) (seq "x" (g "b")))', engine)
    assert engine.asked == ["b", "b"]
    assert shape(answer.result) == ("par", ("seq", "x", "b"), ("seq", "x", "b"))


def test_equal_generations_are_two_draws() -> None:
    engine = ScriptedEngine()
    run('(plus (g "x" (temperature 0.5)) (g "x" (temperature 0.5)))', engine)
    assert engine.asked == ["x", "x"]


def test_map_asks_for_each_input_after_the_same_system_message() -> None:
    engine = ScriptedEngine()
    answer = run('(map (system "s") (inputs "a" "b" "c") (max-tokens 5) (temperature 0))', engine)
    assert prompts(engine) == [(("system", "s"), ("user", text)) for text in "abc"]
    assert {(r.sampling.max_tokens, r.sampling.temperature) for r in engine.requests} == {(5, 0)}
    assert shape(answer.result) == ("par", "a", "b", "c")
    assert [part.reply.index for part in answer.parts if part.reply] == [0, 1, 2]


def test_map_waits_for_generated_inputs_and_asks_at_once() -> None:
    engine = ScriptedEngine()
    answer = run('(map "a" (g "b") (format "c{}" (g "d")))', engine)
    assert engine.asked == ["b", "d", "a", "b", "cd"]
    assert shape(answer.result) == ("par", "a", "b", "cd")
    assert len(run('(map "a" "b" "c" "d")', all_together(4)).parts) == 4


def test_map_keeps_an_empty_reply_as_an_empty_text() -> None:
    engine = ScriptedEngine(lambda request: "" if request.messages[-1][1] == "b" else "said")
    output = RecordedOutput()
    answer = run('(map "a" "b" "c" "b")', engine, output=output)
    assert texts(answer) == ["said", "", "said", ""]
    assert [text for _, text in output.leaves] == ["said", "", "said", ""]


def test_an_empty_reply_elsewhere_is_nothing() -> None:
    output = RecordedOutput()
    answer = run('(seq (g "a") (user "b"))', ScriptedEngine(lambda request: ""), output=output)
    assert texts(answer) == ["b"]
    assert output.leaves == [("plain", "b")]


def test_print_shows_in_its_place_and_is_no_part_of_a_prompt() -> None:
    engine = ScriptedEngine()
    output = RecordedOutput()
    program = '(seq (g "a") (print "one " (g "two")) (g (seq (print "three") (user "b"))) (print ""))'
    answer = run(program, engine, output=output)
    assert prompts(engine) == [(("user", "a"),), (("user", "two"),), (("user", "b"),)]
    assert shape(answer.result) == ("seq", "a", "b")
    assert output.leaves == [
        ("model", "a"),
        ("plain", "one two"),
        ("plain", "three"),
        ("model", "b"),
        ("plain", ""),
    ]


def test_a_generation_in_an_input_is_an_assistant_message_and_in_a_message_its_text() -> None:
    engine = ScriptedEngine()
    run('(g (seq (system "s") (g "a") (user "b" (g "c") 4) (assistant "d")))', engine)
    last = engine.requests[-1].messages
    assert last == (("system", "s"), ("assistant", "a"), ("user", "bc4"), ("assistant", "d"))


def test_the_optimizer_changes_nothing_that_is_asked_or_answered() -> None:
    engine = ScriptedEngine()
    answer = run('(seq (seq (g "a") (seq)) (par (plus (g "b")) (plus (plus (g "c")) "")) (user ""))', engine)
    assert engine.asked == ["a", "b", "c"]
    assert texts(answer) == ["a", "b", "c"]


def test_several_top_level_forms_are_a_seq_and_definitions_are_nothing() -> None:
    engine = ScriptedEngine(parallel=3)
    answer = run('(define a (g "a")) (g "b") a "c" (define (f x) (g x)) (f "d")', engine)
    assert engine.asked == ["b", "a", "d"]
    assert engine.most_open == 1
    assert texts(answer) == ["b", "a", "c", "d"]
    nothing = run('(define a (g "a"))', engine)
    assert nothing.parts == ()
    assert nothing.text == ""


@pytest.mark.parametrize("program", ["(g (seq))", '(g (user ""))', '(repeat 2 (g (monad (g "a"))))'])
def test_an_input_that_comes_to_nothing_is_an_error_at_the_input(program: str) -> None:
    with pytest.raises(ProgramError) as caught:
        run(program)
    assert caught.value.id == "empty-input"
    assert caught.value.span is not None


def test_a_result_may_be_any_text() -> None:
    """What a model says comes through unchanged: not trimmed, not read as anything."""
    said = ' \n"(g x)" \\ \u00e9\U0001f600\t\n\n'
    engine = ScriptedEngine(lambda request: [said[:4], said[4:]])
    output = RecordedOutput()
    assert run('(g "x")', engine, output=output).text == said
    assert output.leaves == [("model", said)]
