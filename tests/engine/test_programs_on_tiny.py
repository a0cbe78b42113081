"""The language on the real engine: what is bound is asked for once, and branches follow what was said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import spnl
from spnl.backends.base import Chunk, Finish, Request
from spnl.backends.mistralrs.engine import MistralrsEngine


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """The requests that the engine gets, as they come."""
    seen: list[Request] = []
    stream = MistralrsEngine.stream

    def counting(self: MistralrsEngine, request: Request) -> Iterator[Chunk | Finish]:
        seen.append(request)
        return stream(self, request)

    monkeypatch.setattr(MistralrsEngine, "stream", counting)
    return seen


FRANCE = '(g "What is the capital of France?" (temperature 0))'


@pytest.mark.parametrize(("word", "answer"), [("Paris", "right"), ("Rome", "wrong")])
def test_a_branch_on_what_the_model_answered(word: str, answer: str, requests: list[Request]) -> None:
    said = spnl.run(f'(if (contains? {FRANCE} "{word}") "right" "wrong")')
    assert said.text == answer
    assert "Paris" in said.replies[0].text
    assert len(requests) == 1


def test_only_the_branch_that_is_taken_is_asked(requests: list[Request]) -> None:
    program = f'(if (contains? {FRANCE} "Paris") (g "What is 1 + 1?") (g "What is 2 + 2?"))'
    spnl.run(program, temperature=0.0)
    assert [request.messages[-1][1] for request in requests] == [
        "What is the capital of France?",
        "What is 1 + 1?",
    ]


def test_a_bound_generation_is_asked_for_once_however_often_it_is_used(requests: list[Request]) -> None:
    program = f"""
        (let ((capital {FRANCE}))
          (seq capital
               (repeat 2 (g (user "Repeat: " capital) (max-tokens 4)))
               (if (contains? capital "Paris") capital "wrong")))
    """
    answer = spnl.run(program)
    capital = answer.replies[0].text
    assert [request.messages[-1][1] for request in requests] == [
        "What is the capital of France?",
        f"Repeat: {capital}",
        f"Repeat: {capital}",
    ]
    assert (answer.parts[0].text, answer.parts[-1].text) == (capital, capital)


def test_two_generations_that_look_alike_are_two(requests: list[Request]) -> None:
    spnl.run('(plus (g "Say a word." (temperature 1)) (g "Say a word." (temperature 1)))')
    assert len(requests) == 2


def test_a_loop_over_the_lines_of_a_reply(requests: list[Request]) -> None:
    program = f'(foreach line (lines {FRANCE}) (g (user "Repeat: " line) (max-tokens 4)))'
    answer = spnl.run(program)
    lines = answer.replies[0].text.split("\n")
    assert [request.messages[-1][1] for request in requests[1:]] == [f"Repeat: {line}" for line in lines]
    assert len(answer.parts) == len(lines)
