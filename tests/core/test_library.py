"""The library: `spnl.run`, `spnl.parse` and `spnl.expand`, what they give back and what they raise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from recording import RecordedObserver, RecordedOutput, run, shape
from scripted import ScriptedEngine, ScriptedModels

import spnl
from spnl.backends import pool
from spnl.backends.base import Usage
from spnl.executor.results import Leaf
from spnl.query import Generate, Message, Seq


def test_run_gives_the_answer_with_its_parts_and_replies() -> None:
    answer = run('(seq (user "u") (g (seq (g "inner") (user "a b c"))))')
    assert isinstance(answer, spnl.Answer)
    assert answer.text == str(answer) == "u\na b c"
    user, reply = answer.parts
    assert (user.role, user.text, user.reply) == ("user", "u", None)
    assert (reply.role, reply.text) == ("assistant", "a b c")
    assert reply.reply is not None
    assert (reply.reply.model, reply.reply.reason) == ("mistralrs/tiny", "stop")
    assert reply.reply.usage == Usage(prompt_tokens=4, completion_tokens=3)
    assert 0 <= reply.reply.first_token <= reply.reply.total
    assert [reply.text for reply in answer.replies] == ["inner", "a b c"]
    assert shape(answer.result) == ("seq", "u", "a b c")


def test_each_part_has_its_place_in_the_program() -> None:
    answer = run('(seq (user "u")\n  (repeat 2 (g "a")))')
    places = [part.span and part.span.source.position(part.span.start) for part in answer.parts]
    assert places == [(1, 6), (2, 3), (2, 3)]


def test_a_reply_that_was_cut_says_so() -> None:
    (part,) = run('(g "one two three" (max-tokens 2))').parts
    assert part.reply is not None
    assert (part.text, part.reply.reason, part.reply.usage.completion_tokens) == ("one two", "length", 2)


def test_run_takes_text_a_source_syntax_or_a_query() -> None:
    text = '(seq "a" (g "b"))'
    for program in (text, spnl.Source("demo", text), spnl.parse(text), spnl.expand(text)):
        assert spnl.run(program, models=ScriptedModels(ScriptedEngine())).text == "a\nb"


def test_parse_and_expand() -> None:
    program = spnl.parse('(seq "a" (g "b"))')
    assert str(program) == '(seq "a" (g "b"))'
    assert spnl.expand(program) == Seq((Message("user", "a"), Generate(None, Message("user", "b"))))
    assert spnl.parse(spnl.Source("demo", "(f)")).source.name == "demo"


def test_arguments_are_given_by_name() -> None:
    assert run('(user (arg "a") (arg "b" "z"))', arguments={"a": "x", "unused": "y"}).text == "xz"
    assert spnl.expand('(arg "a")', arguments={"a": "x"}) == Message("user", "x")


def test_options_are_those_of_the_command() -> None:
    engine = ScriptedEngine()
    models = ScriptedModels(engine)
    options = {"model": "m", "temperature": 0.0, "max_tokens": 1, "think": False}
    answer = spnl.run('(g "a b" (model "x"))', models=models, **options)  # type: ignore[arg-type]
    assert (answer.text, models.loaded) == ("a", ["m"])
    sampling = engine.requests[0].sampling
    assert (sampling.temperature, sampling.max_tokens, sampling.think) == (0, 1, False)


def test_an_output_is_given_the_answer_and_an_observer_the_rest() -> None:
    output, observer = RecordedOutput(), RecordedObserver()
    run('(seq (user "u") (g "a b"))', output=output, observer=observer)
    assert output.events == [
        ("begin", "plain"), ("write", "u"), ("end", "u"),
        ("begin", "model"), ("write", "a"), ("write", " b"), ("end", "a b"),
    ]  # fmt: skip
    assert [reply.text for reply in observer.replies] == ["a b"]
    assert observer.loads == ["mistralrs/tiny"]
    assert [span and span.text for span in observer.spans] == ['(g "a b")']


@pytest.mark.parametrize(
    ("program", "kind"),
    [
        ("(seq", spnl.ProgramError),
        ("(sqe)", spnl.ProgramError),
        ('(g "a" (temperature -1))', spnl.ProgramError),
        ('(g (user ""))', spnl.ProgramError),
        ('(g "a" (model "./nothing.gguf"))', spnl.ModelError),
    ],
)
def test_what_a_user_can_mend_is_a_typed_error(program: str, kind: type[spnl.SpnlError]) -> None:
    """With the message, a stable id, and its place."""
    with pytest.raises(kind) as caught:
        spnl.run(program)
    assert isinstance(caught.value, spnl.SpnlError)
    assert caught.value.id and caught.value.message == str(caught.value)
    assert caught.value.span is not None


def test_a_setting_that_makes_no_sense_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRALRS_DEVICE", "tpu")
    monkeypatch.setattr(pool, "POOL", pool.ModelPool())
    with pytest.raises(spnl.UsageError, match="MISTRALRS_DEVICE"):
        spnl.run('(g "a")')


def test_models_come_from_the_pool_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """And only where one is needed; the pool is all that lasts from run to run."""
    models = ScriptedModels(ScriptedEngine())
    monkeypatch.setattr(pool, "POOL", models)
    assert spnl.run("1").text == "1"
    assert models.loaded == []
    assert spnl.run('(g "a")').text == spnl.run('(g "a")').text == "a"
    assert models.loaded == ["mistralrs/tiny"]


def test_definitions_do_not_last_from_run_to_run() -> None:
    run('(define a "x")')
    with pytest.raises(spnl.ProgramError) as caught:
        run("a")
    assert caught.value.id == "unbound-name"


def test_the_environment_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Running on the real engine leaves variables, folder and recursion limit alone."""
    import sys

    before = dict(os.environ), Path.cwd(), sys.getrecursionlimit()
    assert "Paris" in spnl.run('(g "What is the capital of France?" (temperature 0))').text
    assert (dict(os.environ), Path.cwd(), sys.getrecursionlimit()) == before


def test_the_real_engine_reports_what_it_used() -> None:
    answer = spnl.run('(g "What is the capital of France?" (temperature 0))')
    (part,) = answer.parts
    assert isinstance(part, Leaf) and part.reply is not None
    assert part.reply.usage.prompt_tokens > 0
    assert 0 < part.reply.usage.completion_tokens <= 50
    assert part.reply.reason == "stop"
    assert 0 < part.reply.first_token <= part.reply.total
