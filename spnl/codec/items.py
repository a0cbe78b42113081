"""Items: what a JSON or YAML text holds, and where, before it is known to be a query.

Imports `source`, `errors`, `literals`, `reader` (for its limit) and `values` (for previews). The two readers
make items; `decode` makes a query of them.
"""

from __future__ import annotations

import re
from math import inf, isinf
from typing import NamedTuple, TypeAlias

from spnl.errors import ProgramError
from spnl.literals import MAX_NUMBER_LENGTH
from spnl.reader import MAX_DEPTH
from spnl.source import Source, Span
from spnl.values import preview

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""A number of JSON."""


class Unclear(NamedTuple):
    """A word without quotes that YAML readers disagree about: `no`, `1:30`. `kind`: what some take it for."""

    text: str
    kind: str


class Item(NamedTuple):
    """A value and its place."""

    value: str | float | bool | Unclear | list[Item] | dict[str, Member] | None
    span: Span


class Member(NamedTuple):
    """What an object holds under a key, and the place of the key."""

    key: Span
    item: Item


Scalar: TypeAlias = str | float | bool | None


class Opened:
    """A list or an object that is being read."""

    __slots__ = ("items", "key", "key_span", "members", "opening")

    def __init__(self, opening: Span, *, is_object: bool) -> None:
        self.opening = opening
        self.items: list[Item] = []
        self.members: dict[str, Member] | None = {} if is_object else None
        self.key: str | None = None
        self.key_span = opening

    @property
    def needs_key(self) -> bool:
        """Whether a key has to come next."""
        return self.members is not None and self.key is None

    def name(self, key: str, span: Span) -> None:
        """The key of the value that comes next. An error where it came before."""
        assert self.members is not None
        if key in self.members:
            line, _ = span.source.position(self.members[key].key.start)
            raise ProgramError(
                "bad-query",
                f"the key {preview(key)} stands twice in one object",
                span=span,
                label="the second",
                notes=(f"the first is on line {line}",),
                helps=("keep one of them",),
            )
        self.key, self.key_span = key, span

    def add(self, item: Item) -> None:
        """The next value, under the key that was named in an object."""
        if self.members is None:
            self.items.append(item)
        else:
            assert self.key is not None
            self.members[self.key] = Member(self.key_span, item)
            self.key = None

    def close(self, end: int) -> Item:
        """The whole, which ends at the offset `end`."""
        value = self.items if self.members is None else self.members
        return Item(value, Span(self.opening.source, self.opening.start, end))


def number_at(span: Span) -> float:
    """The number at a place whose text is a `NUMBER`. An error where it is too large to be one."""
    text = span.text
    value = float(text) if len(text) <= MAX_NUMBER_LENGTH else inf
    if isinf(value):
        raise ProgramError(
            "bad-query", "this number is too large", span=span, helps=("write at most `1.7e308`",)
        )
    return int(text) if text.lstrip("-").isdigit() else value


def too_deep(span: Span) -> ProgramError:
    """The error of a list or an object inside too many others."""
    return ProgramError(
        "too-deep",
        f"lists and objects are more than {MAX_DEPTH} deep here",
        span=span,
        helps=("join what is read one after another into one `seq`",),
    )


def nothing_here(source: Source) -> ProgramError:
    """The error of a text that holds nothing."""
    return ProgramError(
        "bad-query",
        f"there is no query in {source.name}: it is empty",
        span=Span(source, 0, 0),
        helps=('write one: `{"user": "Hello"}`',),
    )


def described(item: Item) -> str:
    """What an item is, for messages."""
    match item.value:
        case str(text):
            return f"the text {preview(text)}"
        case bool() | None:
            return f"`{_constant(item.value)}`"
        case int() | float():
            return f"the number {_short(repr(item.value))}"
        case Unclear(text, kind):
            return f"`{_short(text)}`, which YAML readers may take for {kind}"
        case list():
            return "a list"
    return "an object"


def _constant(value: bool | None) -> str:
    return "null" if value is None else str(value).lower()


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"
