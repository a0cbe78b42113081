"""When two values are the same: of one kind, and alike in all that they hold."""

from __future__ import annotations

from spnl.lazy import LazyList, LazyText
from spnl.query import Query
from spnl.values import NOTHING, Value, static_text


def key_of(value: Value) -> object:
    """What two values have in common exactly where they are the same. Nothing in `value` is pending."""
    match value:
        case str():
            return value
        case bool():
            return "bool", value
        case int() | float():
            return "number", value
        case tuple() | LazyList():
            return "list", tuple([key_of(item) for item in value])
        case dict():
            return "record", frozenset((name, key_of(item)) for name, item in value.items())
        case LazyText():
            return value.read()
        case Query():
            return ("nothing",) if value == NOTHING else static_text(value)
    return "function", id(value)
