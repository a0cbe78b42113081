"""Replies that have to follow a schema or a grammar, and log probabilities."""

from __future__ import annotations

import json
import math

import pytest
from engine.asking import Answer, ask, request

from spnl.backends.base import Chunk, Constraint, Engine
from spnl.errors import SpnlError

QUESTION = "What is the capital of France?"


def text(engine: Engine, asked: object) -> str:
    """The whole reply to a request."""
    return "".join(piece.text for piece in engine.stream(asked) if isinstance(piece, Chunk))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (Constraint("json_schema", json.dumps({"enum": ["Rome", "Paris"]})), '"Paris"'),
        (Constraint("regex", "(Paris|Rome)"), "Paris"),
        (Constraint("lark", 'start: "Rome" | "Paris"'), "Paris"),
    ],
    ids=lambda value: value.kind if isinstance(value, Constraint) else "",
)
def test_a_reply_follows_its_constraint(tiny: Engine, constraint: Constraint, expected: str) -> None:
    """Without it, the reply is a sentence."""
    assert text(tiny, request(QUESTION)) != expected
    assert text(tiny, request(QUESTION).but(constraint=constraint)) == expected


@pytest.mark.parametrize(
    "schema",
    [
        '{"type": "nonsense"}',
        "[1]",
        "{",
        '{"type": "string", "pattern": "("}',
        '{"$ref": "http://127.0.0.1:9/x"}',
    ],
)
def test_a_constraint_that_cannot_be_read_is_refused(tiny: Engine, schema: str) -> None:
    with pytest.raises(SpnlError) as caught:
        text(tiny, request(QUESTION).but(constraint=Constraint("json_schema", schema)))
    assert caught.value.id == "bad-grammar"
    assert "\n" not in "".join(caught.value.notes)


def test_a_schema_deeper_than_any_is_refused_and_the_engine_lives(tiny: Engine) -> None:
    deep = '{"anyOf":[' * 5000 + '{"type":"string"}' + "]}" * 5000
    with pytest.raises(SpnlError) as caught:
        text(tiny, request(QUESTION).but(constraint=Constraint("json_schema", deep)))
    assert caught.value.id == "bad-grammar"
    assert "Paris" in text(tiny, request(QUESTION))


def test_each_token_has_its_log_probability(tiny: Engine) -> None:
    pieces = list(tiny.stream(request(QUESTION).but(top_logprobs=2)))
    told = [piece.logprob for piece in pieces if isinstance(piece, Chunk) and piece.logprob is not None]
    assert "".join(logprob.text for logprob in told) == ask(tiny, QUESTION).text
    assert all(logprob.value <= 0 and len(logprob.likeliest) == 2 for logprob in told)
    assert told[0].likeliest[0] == (told[0].text, told[0].value), "greedy: the likeliest was drawn"
    assert math.exp(told[-1].value) > 0.5


def test_log_probabilities_are_told_only_where_asked_for(tiny: Engine) -> None:
    assert isinstance(ask(tiny, QUESTION), Answer)
    assert not any(piece.logprob for piece in tiny.stream(request(QUESTION)) if isinstance(piece, Chunk))
