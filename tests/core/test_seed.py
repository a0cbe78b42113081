"""Seeds: sent where they decide what is drawn, an error elsewhere; and replies that go on to the limit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from invoking import invoke
from recording import run
from scripted import ScriptedEngine, ScriptedModels

import spnl
from spnl.backends.base import Request
from spnl.backends.pool import POOL
from spnl.backends.servers.dialect import DIALECTS
from spnl.codec import write_json, write_program
from spnl.query import Sampling


def seeds(program: str, **options: int | float) -> list[int | None]:
    """The seeds that a model is asked with, in the order of asking."""
    engine = ScriptedEngine()
    run(program, engine, model="openai/m", **options)
    return [request.sampling.seed for request in engine.requests]


def test_a_seed_is_sent() -> None:
    assert seeds('(seq (g "a" (seed 7)) (g "b"))') == [7, None]


def test_each_of_several_draws_has_its_own() -> None:
    """Or they would all be the same."""
    assert seeds('(repeat 3 (g "a" (seed 2147483646)))') == [2147483646, 2147483647, 0]
    assert seeds('(map "a" "b" (seed 7))') == [7, 7]


def test_the_flag_replaces_and_fills_in() -> None:
    assert seeds('(seq (g "a" (seed 7)) (g "b"))', seed=8) == [8, 8]


def test_at_temperature_0_there_is_nothing_to_seed() -> None:
    assert seeds('(seq (g "a" (seed 7) (temperature 0)) (g "a" (seed 8) (temperature 0)))') == [None]
    assert seeds('(g "a" (seed 7))', temperature=0.0) == [None]


@pytest.mark.parametrize("seed", ["-1", "2147483648", "1.5", '"7"', "#t"])
def test_what_is_no_seed_is_refused(seed: str) -> None:
    with pytest.raises(spnl.ProgramError) as caught:
        run(f'(g "a" (seed {seed}))')
    assert caught.value.id == "wrong-type"


def test_a_model_that_takes_none_is_an_error_before_it_is_loaded() -> None:
    for program in ('(g "a" (seed 7))', '(repeat 2 (g "a" (seed 7)))', '(map "a" (seed 7))'):
        models = ScriptedModels(ScriptedEngine())
        with pytest.raises(spnl.ProgramError) as caught:
            run(program, models=models, model="mistralrs/tiny")
        assert (caught.value.id, models.loaded) == ("no-seed", [])
        assert caught.value.span is not None
    assert run('(g "a" (seed 7) (temperature 0))', model="mistralrs/tiny").text == "a"


def test_which_backends_take_one() -> None:
    names = ("mistralrs/tiny", "openai/m", "ollama/m", "gemini/m")
    assert [POOL.takes_seed(name) for name in names] == [False, True, True, False]


def test_the_words_of_servers() -> None:
    request = Request((("user", "a"),), Sampling(max_tokens=1, temperature=1.0, seed=7))
    for kind in ("openai", "ollama"):
        assert DIALECTS[kind].body("m", request)["seed"] == 7
    with pytest.raises(spnl.ProgramError, match="seed"):
        DIALECTS["gemini"].body("m", request)


def test_another_seed_is_another_draw(tmp_path: Path) -> None:
    engine = ScriptedEngine()
    for seed in (7, 8, 7):
        run('(g "a")', engine, model="openai/m", seed=seed, journal=tmp_path / "run.journal")
    assert [request.sampling.seed for request in engine.requests] == [7, 8]


def test_a_program_carries_it_and_json_cannot() -> None:
    query = spnl.expand('(g "a" (seed 7) (ignore-eos #t))')
    assert spnl.expand(write_program(query)) == query
    for clause in ("(seed 7)", "(ignore-eos #t)"):
        with pytest.raises(spnl.ProgramError) as caught:
            write_json(spnl.expand(f'(g "a" {clause})'))
        assert caught.value.id == "not-in-json" and caught.value.span is not None


def test_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["-m", "openai/m", "--seed", "7", "-vv", "-c", '(g "a")']
    assert "seed 7" in invoke(monkeypatch, words).err
    assert invoke(monkeypatch, ["-m", "m", "--seed", "-1", "-c", '(g "a")']).code == 2
    refused = invoke(monkeypatch, ["--seed", "7", "-c", '(g "a")'], script=None)
    assert (refused.code, refused.out) == (3, b"")
    assert "error[no-seed]: mistralrs/tiny takes no seed" in refused.err


def test_a_reply_goes_on_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the real engine, which would have stopped."""
    question = '(g "What is the capital of France?" (temperature 0) (max-tokens 64) {})'
    short, long = (spnl.run(question.format(clause)) for clause in ("", "(ignore-eos #t)"))
    assert short.replies[0].usage.completion_tokens < 64
    assert (long.replies[0].usage.completion_tokens, long.replies[0].reason) == (64, "length")
    words = ["-q", "--output", "json", "-c", question.format("(ignore-eos #f)")]
    shown = invoke(monkeypatch, words, script=None)
    assert json.loads(shown.out)[0]["text"] == short.text
