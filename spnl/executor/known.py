"""What became known while a query was executed, put where a text, a query or a value is due."""

from __future__ import annotations

from spnl.errors import ProgramError
from spnl.executor.results import Branch, Leaf, Result, result_text
from spnl.query import Query
from spnl.source import Span
from spnl.values import Value, WrongKind, kind, to_query, to_text


def without_result(value: Value | Result) -> Value:
    """A value of the language: a result stands for its text."""
    return result_text(value) if isinstance(value, (Leaf, Branch)) else value


def as_text(value: Value | Result, span: Span | None) -> str:
    """A value that became known where a text is due."""
    value = without_result(value)
    try:
        text = to_text(value)
    except WrongKind as wrong:
        raise _wrong_kind("a text", value, span, wrong) from None
    assert isinstance(text, str), "a value is complete when it is delivered"
    return text


def as_query(value: Value, span: Span | None) -> Query:
    """A value that became known where a query is due."""
    try:
        return to_query(value, span)
    except WrongKind as wrong:
        raise _wrong_kind("a text or a query", value, span, wrong) from None


def _wrong_kind(due: str, value: Value, span: Span | None, wrong: WrongKind) -> ProgramError:
    return ProgramError(
        "wrong-type", f"{due} is due here, but this came to {kind(value)}", span=span, helps=wrong.helps
    )
