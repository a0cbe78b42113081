"""Sharing: what `let` and `define` name is asked for at most once, whoever uses it and whenever."""

from __future__ import annotations

import pytest
from recording import RecordedObserver, RecordedOutput, run, shape, texts
from scripted import Gate, ScriptedEngine

from spnl.backends.base import Request
from spnl.errors import GenerationError
from spnl.executor.results import Branch, Leaf
from spnl.query import Bind, Deferred, Generate, Message, Par, Query, Ref, Seq


@pytest.mark.parametrize(
    ("body", "others"),
    [
        ("(seq a a)", []),
        ("(par a (seq a a) (plus a))", []),
        ("(g a)", ["once"]),
        ("(par (g (seq a (user 1))) (g (user a 2)))", ["1", "once2"]),
        ("(repeat 3 (seq a (user 1)))", []),
        ("(repeat 2 (g a))", ["once", "once"]),
        ('(map a (format "{a}1") a)', ["once", "once1", "once"]),
        ('(let ((b (format "{a}-{}" a))) (seq b b))', []),
        ("(seq (print a) (monad a) (zip a (par a a)))", []),
    ],
)
def test_a_named_generation_is_asked_for_once(body: str, others: list[str]) -> None:
    """Across structures, copies, inputs, formats and deferred steps."""
    engine = ScriptedEngine(parallel=4)
    run(f'(let ((a (g "once"))) {body})', engine)
    assert engine.asked[0] == "once"
    assert sorted(engine.asked[1:]) == sorted(others)


def test_every_use_shows_the_same_reply() -> None:
    draws = iter("12345")
    output = RecordedOutput()
    answer = run(
        '(define a (g "x")) (par a (seq a "y") (g a))', ScriptedEngine(lambda r: next(draws)), output=output
    )
    assert shape(answer.result) == ("par", "1", ("seq", "1", "y"), "2")
    assert output.leaves == [("model", "1"), ("model", "1"), ("plain", "y"), ("model", "2")]


def test_what_is_named_and_not_used_never_runs() -> None:
    engine = ScriptedEngine()
    run('(define a (g "no")) (let ((b (g a)) (c (format "{}" a))) "done")', engine)
    assert engine.asked == []


def test_a_functions_argument_is_asked_for_once_and_its_body_at_each_call() -> None:
    engine = ScriptedEngine()
    run('(define (f x) (seq x x (g "body"))) (f (g "argument")) (f "known")', engine)
    assert engine.asked == ["argument", "body", "body"]


def test_a_named_generation_starts_when_it_is_first_needed() -> None:
    engine = ScriptedEngine()
    run('(let ((a (g "late"))) (seq (g "early") a))', engine)
    assert engine.asked == ["early", "late"]


def test_several_wait_for_one_reply_while_it_is_made() -> None:
    """Three uses come while the first is under way; each gets the reply, and none asks again."""
    gate = Gate()

    def script(request: Request) -> list[str]:
        if request.messages[-1][1] == "slow":
            gate.wait()
        return [request.messages[-1][1]]

    engine = ScriptedEngine(script, parallel=2)
    observer = RecordedObserver(lambda reply: gate.open())
    answer = run('(let ((a (g "slow"))) (par a (g "other") (g (user a)) a))', engine, observer=observer)
    assert engine.asked == ["slow", "other", "slow"]
    assert texts(answer) == ["slow", "other", "slow", "slow"]


def test_a_failure_of_what_is_shared_reaches_everyone_who_waits() -> None:
    engine = ScriptedEngine(refuse, parallel=2)
    answer = run('(let ((a (g "bad"))) (par (try a (g "one")) (try (g (user a)) "two")))', engine)
    assert engine.asked == ["bad", "one"]
    assert texts(answer) == ["one", "two"]


def refuse(request: Request) -> str:
    """Fail where the last message begins with `bad`, and else say it."""
    text = request.messages[-1][1]
    if text.startswith("bad"):
        raise GenerationError("engine-failed", "it broke")
    return text


def test_a_shared_attempt_shows_at_every_use() -> None:
    """Regression: the first use of a shared `try` did not show, and its reply's role was lost."""
    engine = ScriptedEngine(refuse)
    output = RecordedOutput()
    program = '(let ((a (try (g "bad") (g "ok")))) (seq a a (g (seq a (user "q")))))'
    answer = run(program, engine, output=output)
    assert engine.asked == ["bad", "ok", "q"]
    assert engine.requests[-1].messages == (("assistant", "ok"), ("user", "q"))
    assert texts(answer) == ["ok", "ok", "q"]
    assert output.leaves == [("model", "ok"), ("model", "ok"), ("model", "q")]
    assert all(part.reply for part in answer.parts)


def deferred(*waits: Query, giving: Query | tuple[Query, ...] | str) -> Deferred:
    """A step that gives something once what it waits for is known."""
    return Deferred("apply", "test", waits, lambda values: giving)


def ask(text: str) -> Generate:
    """A generation."""
    return Generate(None, Message("user", text))


def test_what_a_deferred_step_comes_to_is_shared() -> None:
    """A step that gives a generation: one request, and its reply shows as a model's at every use."""
    engine = ScriptedEngine()
    output = RecordedOutput()
    shared = Ref(Bind("x", deferred(ask("when"), giving=ask("then"))))
    answer = run(Par((shared, Seq((shared, ask("end"))))), engine, output=output)  # type: ignore[arg-type]
    assert engine.asked == ["when", "then", "end"]
    assert shape(answer.result) == ("par", "then", ("seq", "then", "end"))
    assert output.leaves == [("model", "then"), ("model", "then"), ("model", "end")]


def test_what_is_in_a_shared_list_is_asked_for_once() -> None:
    """Regression: a named loop over lines that were generated asked again at each use."""
    engine = ScriptedEngine()
    shared = Ref(Bind("xs", deferred(ask("lines"), giving=(ask("one"), ask("two")))))
    answer = run(Seq((shared, Generate(None, shared))), engine)  # type: ignore[arg-type]
    assert engine.asked == ["lines", "one", "two", "two"]
    assert engine.requests[-1].messages == (("assistant", "one"), ("assistant", "two"))
    assert isinstance(answer.result, Branch)


def test_a_step_that_waits_for_a_list_is_given_its_texts() -> None:
    """Regression: what was pending in a list that a step gave was handed on as it was."""
    seen: list[object] = []
    inner = deferred(ask("lines"), giving=(ask("one"), Seq((ask("two"), ask("three")))))
    outer = Deferred("apply", "test", (inner,), lambda values: seen.append(values) or "end")
    answer = run(outer, ScriptedEngine())  # type: ignore[arg-type]
    assert seen == [(("one", "two\nthree"),)]
    assert answer.result == Leaf("user", "end")
