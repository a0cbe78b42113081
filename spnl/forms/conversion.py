"""Checking one value against a type, with the error at its place."""

from __future__ import annotations

from typing import Any

from spnl.errors import ProgramError
from spnl.forms.types import ArgType
from spnl.query import Query
from spnl.source import Span
from spnl.values import Value, WrongKind, is_pending, kind, preview


def convert_value(kind: ArgType, what: str, value: Value, span: Span) -> Any:
    """Check one value against a type, for forms that evaluate their own arguments.

    A pending value is given back as it is, unless it can never become what is due.
    """
    if isinstance(value, Query) and is_pending(value):
        check_pending(kind, what, value, span)
        return value
    try:
        return kind.convert(value, span)
    except WrongKind as wrong:
        raise wrong_type(kind, what, value, span, wrong) from None


def check_pending(kind: ArgType, what: str, query: Query, span: Span) -> None:
    """Refuse a pending query that can never become what is due."""
    try:
        kind.check_pending(query)
    except WrongKind as wrong:
        raise wrong_type(kind, what, query, span, wrong) from None


def wrong_type(kind: ArgType, what: str, value: Value, span: Span, wrong: WrongKind) -> ProgramError:
    """The error for a value of another kind than is due: every such message reads alike."""
    message = f"{what} takes {kind.name}, but this is {wrong.found or described(value)}"
    return ProgramError("wrong-type", message, span=span, helps=wrong.helps)


def described(value: Value) -> str:
    """A value as messages say it: its kind and, where it is short, what it is."""
    if isinstance(value, (str, int, float)):
        return f"{kind(value).replace('a ', 'the ', 1)} {preview(value)}"
    return kind(value)
