"""The order and the company of generations on the real engine: the same answers, and less is read twice."""

from __future__ import annotations

import pytest
from fixtures_models import ModelFiles

import spnl
from spnl.backends.pool import ModelPool

RULES = {
    name: f"You are {name}. " + f"{name} never forgets this rule. " * 40 for name in ("Ada", "Bob", "Cy")
}


@pytest.fixture(scope="module")
def pool() -> ModelPool:
    return ModelPool()


def texts(answer: spnl.Answer) -> list[str]:
    return [part.text for part in answer.parts]


def test_company_changes_no_answer(files: ModelFiles, pool: ModelPool) -> None:
    """Greedy replies of a quantised model, whose engine fails where two prompts are read in one step."""
    inputs = " ".join(f'"What is {a} plus {b}?"' for a in range(2, 6) for b in range(3, 6))
    program = f"(map {inputs} (temperature 0) (max-tokens 12))"
    alone = spnl.run(program, model=str(files.q8), models=pool, parallel=1)
    together = spnl.run(program, model=str(files.q8), models=pool, parallel=8)
    assert texts(alone) == texts(together)


def reused(answer: spnl.Answer) -> int:
    """How many generations were spared most of their prompt."""
    return sum(reply.usage.cached_tokens * 2 > reply.usage.prompt_tokens for reply in answer.replies)


def interleaved(rounds: int) -> str:
    asks = [
        f'(g (seq (system "{rule}") (user "Question {number}{"!" * number}")))'
        for number in range(rounds)
        for rule in RULES.values()
    ]
    return f"(par {' '.join(asks)})"


def test_each_long_beginning_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the engine remembers fewer prompts than there are beginnings."""
    monkeypatch.setenv("MISTRALRS_PREFIX_CACHE_N", "2")
    answer = spnl.run(interleaved(4), max_tokens=4, models=ModelPool())
    assert (len(answer.replies), reused(answer)) == (12, 9)
    assert [part.span for part in answer.parts] == sorted(
        (part.span for part in answer.parts), key=lambda span: span.start if span is not None else -1
    )


def test_draws_from_one_long_prompt_are_spared_reading_it(files: ModelFiles, pool: ModelPool) -> None:
    """One that runs ahead lends to all that are opened before the first of them ends."""
    program = f'(repeat 6 (g "{RULES["Ada"]}" (max-tokens 60)))'
    assert reused(spnl.run(program, model=str(files.endless), models=pool)) >= 3


def test_a_prompt_is_read_anew_once_it_has_finished(files: ModelFiles, pool: ModelPool) -> None:
    """That the engine does so is why draws from one prompt run together, and why their leader's differs."""
    program = f'(repeat 3 (g "{RULES["Bob"]}" (max-tokens 4)))'
    assert reused(spnl.run(program, model=str(files.endless), models=pool, parallel=1)) == 0
