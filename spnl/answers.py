"""What a value prints at top level, and records as JSON."""

from __future__ import annotations

from typing import Any

from spnl.errors import ProgramError
from spnl.lazy import LazyList, LazyText
from spnl.query import Attempt, Deferred, Message, Query, Seq, is_static
from spnl.source import Span
from spnl.values import (
    CALL_HELP,
    NOTHING,
    Value,
    WrongKind,
    filled,
    has_pending,
    pending_in,
    pending_kind,
    preview,
    static_text,
    to_query,
)


def to_answer(value: Value, span: Span | None) -> Query:
    """A value at top level, as what is printed: a list an item a line, a record as JSON.

    `ProgramError` for a function.
    """
    if isinstance(value, Deferred):
        resume = value.resume
        return value.but(resume=lambda values: to_answer(resume(values), span), gives=None)
    if isinstance(value, Attempt):
        otherwise = value.otherwise
        body = to_answer(value.body, span)
        return value.but(body=body, otherwise=lambda error: to_answer(otherwise(error), span))
    if isinstance(value, Query) and pending_kind(value) != "text":
        return _when_known(value, span)
    if isinstance(value, dict) and has_pending(value):
        return _when_known(value, span)
    if isinstance(value, (tuple, LazyList)):
        return _lines(value, span, {})
    try:
        if isinstance(value, dict):
            return Message("user", record_text(value), span=span)
        return to_query(value, span)
    except WrongKind:
        name = getattr(value, "name", "lambda")  # of a function; a record that holds one has none
        raise ProgramError(
            "not-an-answer",
            f"{preview(value)} is no answer: a function has no text",
            span=span,
            helps=(CALL_HELP if name == "lambda" else f"call it: `({name} …)`",),
        ) from None


def _lines(items: tuple[Value, ...] | LazyList, span: Span | None, made: dict[int, Query]) -> Query:
    """A list, an item a line. One that stands in it many times is looked through once."""
    if id(items) not in made:
        lines = [
            _lines(item, span, made) if isinstance(item, (tuple, LazyList)) else to_answer(item, span)
            for item in items
        ]
        made[id(items)] = Seq(tuple(lines), span=span)
    return made[id(items)]


def _when_known(value: Value, span: Span | None) -> Query:
    """The answer that a value is, as a step for when all of it is known."""
    waits = tuple(pending_in(value))

    def resume(values: tuple[Value, ...]) -> Query:
        return to_answer(filled(value, waits, values), span)

    return Deferred("apply", "answer", waits, resume, span=span)


def record_text(value: Value) -> str:
    """A value as JSON on one line. `WrongKind` for a function."""
    import json

    return json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    """A value as what Python's JSON writer takes; NOTHING is `null`."""
    match value:
        case str() | bool() | int() | float():
            return value
        case tuple() | LazyList():
            return [_plain(item) for item in value]
        case dict():
            return {name: _plain(item) for name, item in value.items()}
        case LazyText():
            return value.read()
        case Query():
            assert is_static(value), "a pending value is waited for before it is written"
            return None if value == NOTHING else static_text(value)
    raise WrongKind(CALL_HELP)
