"""Nothing twice: equal generations at temperature 0 are one, also while it is under way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from recording import RecordedOutput, run, texts
from scripted import Gate, ScriptedEngine, ScriptedModels, echo

import spnl
from spnl.backends.base import Chunk, Request
from spnl.errors import GenerationError


def failing(request: Request) -> str:
    """Say what the last message says, but fail at `!`."""
    if echo(request) == "!":
        raise GenerationError("engine-failed", "it broke")
    return echo(request)


def origins(answer: spnl.Answer) -> list[str | None]:
    """Where the replies of an answer come from."""
    return [part.reply.reused for part in answer.parts if part.reply is not None]


@pytest.mark.parametrize("parallel", [1, 3])
def test_equal_generations_at_temperature_0_run_once(parallel: int) -> None:
    engine = ScriptedEngine(parallel=parallel)
    inputs = '(map "c" "a b" (model "m") (temperature 0) (max-tokens 9))'
    answer = run(f'(par (repeat 8 (g "m" "a b" 9 0)) (g "m" "a b" 9 0) {inputs})', engine)
    assert texts(answer) == ["a b"] * 9 + ["c", "a b"]
    assert engine.asked == ["a b", "c"]
    assert origins(answer) == [None, *["program"] * 8, None, "program"]
    assert [reply.index for reply in answer.replies if reply.text == "a b"][:8] == list(range(8))
    assert {reply.usage.prompt_tokens for reply in answer.replies if reply.text == "a b"} == {2}


def test_also_one_after_the_other_and_within_inputs() -> None:
    engine = ScriptedEngine()
    answer = run(
        '(seq (g "m" "a" 9 0) (g "m" (user (g "m" "a" 9 0) (g "m" "b" 9 0)) 9 0) (g "m" "ab" 9 0))', engine
    )
    assert texts(answer) == ["a", "ab", "ab"]
    assert engine.asked == ["a", "b", "ab"]


def test_draws_are_each_their_own() -> None:
    engine = ScriptedEngine()
    answer = run('(par (repeat 3 (g "a")) (g "m" "a" 9 0.1) (g "m" "a" 9 0.1))', engine)
    assert len(engine.asked) == 5
    assert origins(answer) == [None] * 5


@pytest.mark.parametrize(
    "other",
    [
        '(g "m" "b" 9 0)',
        '(g "m" "a" 8 0)',
        '(g "other" "a" 9 0)',
        '(g "m" (input (system "a")) (max-tokens 9) (temperature 0))',
        '(g (model "m") (input "a") (max-tokens 9) (temperature 0) (stop "x"))',
    ],
)
def test_what_differs_in_anything_is_another(other: str) -> None:
    engine = ScriptedEngine()
    run(f'(par (g "m" "a" 9 0) {other})', engine)
    assert len(engine.asked) == 2


def test_an_equal_one_joins_in_the_middle_and_streams_from_the_beginning() -> None:
    """The model goes on only when the one that joined has shown its first piece."""
    begun, gate, output = Gate(), Gate(), RecordedOutput()

    def script(request: Request) -> Iterator[str]:
        if echo(request) == "first":
            begun.wait()
            yield "first"
            return
        yield "one"
        begun.open()
        gate.wait()
        yield " two"

    def write(text: str) -> None:
        RecordedOutput.write(output, text)
        if text == "one":
            gate.open()

    output.write = write  # type: ignore[method-assign]
    engine = ScriptedEngine(script, parallel=2)
    answer = run('(par (seq (g "m" "first" 9 1) (g "m" "x" 9 0)) (g "m" "x" 9 0))', engine, output=output)
    assert [text for _, text in output.leaves] == texts(answer) == ["first", "one two", "one two"]
    assert engine.asked.count("x") == 1
    assert origins(answer) == [None, "program", None]


def test_thought_is_given_to_all() -> None:
    engine = ScriptedEngine(lambda request: [Chunk(thought="hm"), "so"])
    answer = run('(repeat 2 (g "m" "x" 9 0))', engine)
    assert [(reply.thought, reply.text) for reply in answer.replies] == [("hm", "so")] * 2


def test_who_joined_gets_the_reply_when_who_asked_has_given_up() -> None:
    """The first to ask recovers from another's failure; what it asked goes on for the second."""
    gate, output = Gate(), RecordedOutput()

    def script(request: Request) -> Iterator[str]:
        if echo(request) == "!":
            raise GenerationError("engine-failed", "it broke")
        yield "one"
        gate.wait()
        yield " two"

    def write(text: str) -> None:
        if text == "sorry":
            gate.open()

    output.write = write  # type: ignore[method-assign]
    engine = ScriptedEngine(script, parallel=2)
    program = '(par (try (par (g "m" "x" 9 0) (g "m" "!" 9 1)) "sorry") (g "m" "x" 9 0))'
    answer = run(program, engine, output=output)
    assert texts(answer) == ["sorry", "one two"]
    assert (engine.asked.count("x"), engine.cancelled) == (1, 0)
    assert origins(answer) == [None], "somebody asked the model, so one reply is not a reuse"


@pytest.mark.parametrize("parallel", [1, 2])
def test_what_everybody_has_given_up_is_asked_again(parallel: int) -> None:
    """It was cancelled, or never started: joining it would be waiting for ever."""
    gate, under_way = Gate(), Gate()

    def script(request: Request) -> Iterator[str]:
        said = echo(request)
        yield said
        if said == "x":
            under_way.open()
        if said == "!":
            if parallel == 2:
                under_way.wait()
            raise GenerationError("engine-failed", "it broke")
        if said == "x" and engine.asked.count("x") == 1 and parallel == 2:
            gate.wait()

    engine = ScriptedEngine(script, parallel=parallel)
    both = '(g "m" "x" 9 0) (g "m" "y" 9 0)'
    answer = run(f'(seq (try (par (g "m" "!" 9 1) {both}) "no") (par {both}))', engine)
    assert texts(answer)[-3:] == ["no", "x", "y"]
    gate.open()


def test_a_failure_is_everybodys_and_is_not_remembered() -> None:
    engine = ScriptedEngine(failing, parallel=2)
    answer = run(
        '(seq (par (try (g "m" "!" 9 0) "1") (try (g "m" "!" 9 0) "2")) (try (g "m" "!" 9 0) "3"))', engine
    )
    assert texts(answer) == ["1", "2", "3"]
    assert engine.asked == ["!", "!"]


def test_a_failure_has_the_place_of_the_first() -> None:
    with pytest.raises(GenerationError) as caught:
        run('(par (g "m" "!" 9 0)\n     (g "m" "!" 9 0))', ScriptedEngine(failing))
    assert caught.value.span is not None
    assert caught.value.span.source.position(caught.value.span.start) == (1, 6)


def test_ten_thousand_equal_ones_cost_one() -> None:
    engine = ScriptedEngine()
    answer = run('(repeat 10000 (g "m" "a b" 9 0)) (map "c" (temperature 0))', engine)
    assert len(answer.parts) == 10_001
    assert len(engine.requests) == 2


def test_models_are_told_apart_by_name() -> None:
    a, b = ScriptedEngine(lambda _: "A"), ScriptedEngine(lambda _: "B")
    answer = run('(par (g "a" "x" 9 0) (g "b" "x" 9 0))', models=ScriptedModels(a, a=a, b=b))
    assert texts(answer) == ["A", "B"]


def test_on_the_real_engine() -> None:
    answer = spnl.run('(repeat 3 (g "What is the capital of France?" (temperature 0)))')
    assert len(set(texts(answer))) == 1
    assert origins(answer) == [None, "program", "program"]
