"""Which model and which sampling: the flag, then the clause, then SPNL_MODEL, then the default, told once."""

from __future__ import annotations

import pytest
from recording import RecordedObserver, run
from scripted import ScriptedEngine, ScriptedModels

from spnl.executor.options import DEFAULT_MAX_TOKENS, DEFAULT_MODEL, DEFAULT_TEMPERATURE
from spnl.query import Sampling

NAMED = '(g "clause" "x" 5 0.5)'
UNNAMED = '(g "x")'


def models_of(program: str, observer: RecordedObserver | None = None, **options: object) -> list[str]:
    """The models that a program uses, in the order of loading."""
    models = ScriptedModels(ScriptedEngine())
    run(program, models=models, observer=observer or RecordedObserver(), **options)
    return models.loaded


@pytest.mark.parametrize(
    ("program", "flag", "variable", "used"),
    [
        (NAMED, "flag", "variable", "flag"),
        (NAMED, None, "variable", "clause"),
        (NAMED, None, None, "clause"),
        (UNNAMED, "flag", "variable", "flag"),
        (UNNAMED, None, "variable", "variable"),
        (UNNAMED, None, "", DEFAULT_MODEL),
        (UNNAMED, None, None, DEFAULT_MODEL),
    ],
)
def test_the_model_is_the_flags_then_the_clauses_then_the_variables(
    program: str, flag: str | None, variable: str | None, used: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv("SPNL_MODEL", variable)
    assert models_of(program, model=flag) == [used]


def test_the_default_model_is_told_once() -> None:
    observer = RecordedObserver()
    models_of(f"(par {UNNAMED} {UNNAMED} {NAMED})", observer)
    (notice,) = observer.notices
    assert "tiny" in notice and "--model" in notice and "SPNL_MODEL" in notice


@pytest.mark.parametrize("options", [{"model": "m"}, {}])
def test_a_model_that_is_chosen_is_not_told(options: dict[str, str]) -> None:
    observer = RecordedObserver()
    models_of(NAMED if not options else UNNAMED, observer, **options)
    assert observer.notices == []


@pytest.mark.parametrize(
    ("option", "value", "programs", "flag"),
    [
        ("model", "m", ('(g "a" "x" 5 0)', '(g "b" "x" 5 0)'), "--model"),
        ("temperature", 0, ('(g "a" "x" 5 0.5)', '(g "a" "x" 5 0.7)'), "--temperature"),
        ("max_tokens", 1, ('(g "a" "x" 5 0)', '(g "a" "x" 6 0)'), "--max-tokens"),
    ],
)
def test_one_note_where_a_flag_replaces_several_values(
    option: str, value: object, programs: tuple[str, str], flag: str
) -> None:
    one, two = programs
    same, several = RecordedObserver(), RecordedObserver()
    models_of(
        f"(seq {one} {one} {UNNAMED})", same, model="m", **({option: value} if option != "model" else {})
    )
    assert same.notices == []
    models_of(f"(seq {one} {two} {two} {one})", several, **{option: value})
    assert [notice.split()[0] for notice in several.notices] == [flag]


def sampling_of(program: str, **options: object) -> Sampling:
    engine = ScriptedEngine()
    run(program, engine, **options)
    return engine.requests[-1].sampling


def test_sampling_is_the_clauses_or_the_defaults() -> None:
    assert sampling_of(UNNAMED) == Sampling(max_tokens=DEFAULT_MAX_TOKENS, temperature=DEFAULT_TEMPERATURE)
    assert (DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE) == (2048, 0.6)
    program = (
        '(g (input "x") (max-tokens 7) (temperature 0) (top-p 0.5) (top-k 3) (min-p 0.1) (stop "a" "b") '
        "(frequency-penalty 1) (presence-penalty -1) (repetition-penalty 1.1) (think low))".replace(
            "low", "#f"
        )
    )
    assert sampling_of(program) == Sampling(7, 0, 0.5, 3, 0.1, ("a", "b"), 1, -1, 1.1, False)


def test_flags_replace_the_clauses() -> None:
    program = '(g (input "x") (max-tokens 7) (temperature 0.5) (think #t) (top-k 3))'
    found = sampling_of(program, temperature=0, max_tokens=2, think=False)
    assert found == Sampling(max_tokens=2, temperature=0, think=False, top_k=3)


def test_a_map_has_the_same_defaults_and_flags() -> None:
    assert sampling_of('(map "x")') == sampling_of(UNNAMED)
    assert sampling_of('(map "x" (temperature 1))', temperature=0).temperature == 0
