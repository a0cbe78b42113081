"""Syntax: what a program is once it is read, before it means anything.

Imports `source` and `visible`. Five kinds of node, frozen, each with the span it was read from. Spans are
outside equality, so a node equals what its printed form reads as: `read_text(str(node)).items == (node,)`.
"""

from __future__ import annotations

import re
from typing import TypeAlias, cast

from spnl.frozen import Frozen, aside
from spnl.source import Source, Span
from spnl.visible import UNSAFE


class _Printed(Frozen):
    """Nodes are shown as the source text that reads as an equal node."""

    span: Span = aside(kw_only=True)

    def __str__(self) -> str:
        return print_node(cast("Node", self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


class Text(_Printed):
    """A string or, where `block` is true, a text block: the text it stands for."""

    value: str
    block: bool = aside(default=False, kw_only=True)


class Number(_Printed):
    """A number. An integer differs from a float, also where their values are equal."""

    value: int | float

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Number):
            return NotImplemented
        return type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


class Bool(_Printed):
    """`#t` or `#f`."""

    value: bool


class Symbol(_Printed):
    """A name."""

    name: str


class List(_Printed):
    """What stands between `(` and `)`."""

    items: tuple[Node, ...]


Node: TypeAlias = Text | Number | Bool | Symbol | List


class Comment(Frozen):
    """A comment: `; …`, `#| … |#`, `#;` with the datum it leaves out, or a first line `#!…`."""

    span: Span

    @property
    def text(self) -> str:
        """The comment as it is written."""
        return self.span.text


class Program(Frozen):
    """A whole source: its data at top level and, for a formatter, its comments, each in order.

    Programs of equal data are equal.
    """

    source: Source
    items: tuple[Node, ...]
    comments: tuple[Comment, ...] = ()

    def _key(self) -> tuple[object, ...]:
        return (self.items,)

    @property
    def span(self) -> Span:
        """The whole text."""
        return Span(self.source, 0, len(self.source.text))

    def __str__(self) -> str:
        return "\n".join(map(print_node, self.items))


def print_node(node: Node) -> str:
    """Source text, on one line, that reads as an equal node. A text block prints as a string."""
    printed: list[str] = []
    pending: list[Node | str] = [node]  # not recursive: a node may be as deep as memory allows
    while pending:
        item = pending.pop()
        if isinstance(item, List):
            pending.append(")")
            for index, inner in enumerate(reversed(item.items)):
                pending.extend((" ", inner) if index else (inner,))
            pending.append("(")
        else:
            printed.append(item if isinstance(item, str) else _print_atom(item))
    return "".join(printed)


def _print_atom(atom: Text | Number | Bool | Symbol) -> str:
    match atom:
        case Text(value=text):
            return quote(text)
        case Number(value=number):
            return repr(number)
        case Bool(value=value):
            return "#t" if value else "#f"
        case Symbol(name=name):
            return name


_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_TO_ESCAPE = f'["\\\\\n\t{UNSAFE}]'


def quote(text: str) -> str:
    """`text` as a string of the language, on one line, with nothing in it that a screen would hide."""
    return f'"{re.sub(_TO_ESCAPE, _escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _SHORT_ESCAPES.get(character) or f"\\u{{{ord(character):x}}}"
