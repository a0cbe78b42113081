"""The values of the language, and how one kind stands in for another.

A value is a text, a number, a bool, a list, a record, a function, or a query (a message, a structure, a
generation). A query that holds a generation is also a text that is not there yet: it may be used wherever a
text may, and what needs its characters waits for them (`Deferred`).

Lists are tuples and records are dicts; neither is changed after it is made. A text or a list may be lazy
(`spnl.lazy`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from spnl.errors import ProgramError
from spnl.lazy import LazyList, LazyText, Settled
from spnl.limits import check_items, check_text
from spnl.query import Attempt, Bind, Deferred, Kind, Message, Query, Ref, Role, Seq, Structure, is_static
from spnl.scope import Function
from spnl.source import Span

Value: TypeAlias = (
    str | int | float | bool | tuple[Any, ...] | dict[str, Any] | Function | Query | LazyText | LazyList
)

NOTHING = Seq(())
"""The value of a branch that is not there, and of `null` in JSON: no text, no message, no item."""

PREVIEW_LENGTH = 40

JOIN_HELP = "make a text of a list with `(join LIST SEPARATOR)`, or take one item with `nth`"
GET_HELP = 'take one field with `(get RECORD "field")`, or make JSON of it with `to-json`'
CALL_HELP = "call it: a function in parentheses gives its value"


class WrongKind(Exception):
    """A value cannot stand where another kind is due. Whoever knows the place makes it an error.

    `found` is what the value is, where its kind alone does not say what is wrong.
    """

    def __init__(self, *helps: str, found: str = "") -> None:
        super().__init__(*helps)
        self.helps = helps
        self.found = found


def kind_of(value: Value) -> Kind | None:
    """The kind that a value has, or will have once it is known; None for what may come to anything.

    A query counts as the text that it is, or comes to.
    """
    match value:
        case str() | LazyText():
            return "text"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case tuple() | LazyList():
            return "list"
        case dict():
            return "record"
        case Query():
            return pending_kind(value)
    return "function"


def kind(value: Value) -> str:
    """The name of a value's kind, with its article, as messages say it."""
    if isinstance(value, Query):
        if value == NOTHING:
            return "nothing"
        if is_static(value):
            return "a message" if isinstance(value, Message) else "a query"
        found = pending_kind(value)
        return "a generated text" if found == "text" else f"a {found}" if found else "a query"
    return f"a {kind_of(value)}"


def preview(value: Value) -> str:
    """A short form of a value for messages, at most about `PREVIEW_LENGTH` characters."""
    match value:
        case str():
            shown = _quoted(value[: PREVIEW_LENGTH + 1])
        case bool() | int() | float():
            return scalar_text(value)
        case tuple():
            return f"a list of {len(value)}"
        case dict():
            shown = "{" + ", ".join(str(name) for name in value) + "}"
        case Query() | LazyList():
            return kind(value)
        case LazyText():
            return f"the text of {value.name}"
        case _:
            return f"the function `{value.name}`"
    return shown if len(shown) <= PREVIEW_LENGTH else shown[: PREVIEW_LENGTH - 1] + "…"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def scalar_text(value: bool | float) -> str:
    """The canonical text of a number or bool: `3`, `0.7`, `#t`."""
    if isinstance(value, bool):
        return "#t" if value else "#f"
    return repr(value)


def pending_kind(query: Query) -> Kind | None:
    """The kind of value that a query comes to; None where it may be anything."""
    while isinstance(query, Ref):
        query = query.bind.value
    if isinstance(query, Deferred):
        return query.gives
    return None if isinstance(query, Attempt) else "text"


def is_pending(value: Value) -> bool:
    """Whether a value is a query that must be executed before its text is known."""
    return isinstance(value, Query) and not is_static(value)


def pending_in(value: Value) -> Iterator[Query]:
    """The pending queries inside a value, also inside lists and records, in order."""
    if isinstance(value, Query):
        if not is_static(value):
            yield value
    elif isinstance(value, tuple):
        if not isinstance(value, Settled):
            for item in value:
                if not isinstance(item, str):
                    yield from pending_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from pending_in(item)


def has_pending(value: Value) -> bool:
    """Whether anything inside a value is pending."""
    return next(pending_in(value), None) is not None


def settled(value: Value) -> Value:
    """`value`, in which nothing is pending, such that a list of it is never looked through again."""
    return Settled(value) if isinstance(value, tuple) and not isinstance(value, Settled) else value


def slice_of(items: tuple[Any, ...], start: int, end: int | None = None) -> tuple[Any, ...]:
    """A part of a list; settled where the list is."""
    part = items[start:end]
    return Settled(part) if isinstance(items, Settled) else part


def fill(value: Value, known: Mapping[int, Value]) -> Value:
    """`value` with each pending query (by `id`) replaced by its now known value."""
    if isinstance(value, Query):
        return known.get(id(value), value)
    if isinstance(value, tuple) and not isinstance(value, Settled):
        return tuple([fill(item, known) for item in value])
    if isinstance(value, dict):
        return {name: fill(item, known) for name, item in value.items()}
    return value


def filled(value: Value, waits: Iterable[Query], came_to: Iterable[Value]) -> Value:
    """`value` with each of the pending queries `waits` replaced by what it came to, in the same order."""
    return fill(value, {id(query): known for query, known in zip(waits, came_to, strict=True)})


def share(name: str, value: Value, span: Span | None) -> Value:
    """`value` such that using it twice does not run it twice: pending queries become `Ref`s."""
    if isinstance(value, Query):
        return (
            value
            if isinstance(value, Ref) or is_static(value)
            else Ref(Bind(name, value, span=span), span=value.span)
        )
    if isinstance(value, tuple):
        if not has_pending(value):
            return settled(value)
        return tuple([share(name, item, span) for item in value])
    if isinstance(value, dict) and has_pending(value):
        return {field_name: share(name, item, span) for field_name, item in value.items()}
    return value


def static_text(query: Query) -> str:
    """The text of messages and structures that are known: the leaves' texts, one to a line."""
    leaves: list[str] = []
    length = 0
    for leaf in _leaf_texts(query):
        if leaf:
            leaves.append(leaf)
            length += len(leaf) + 1
            check_items(len(leaves), query.span)
            check_text(length, query.span)
    return "\n".join(leaves)


def _leaf_texts(query: Query) -> Iterator[str]:
    stack = [query]
    while stack:
        node = stack.pop()
        if isinstance(node, Structure):
            stack.extend(reversed(node.children))
        elif isinstance(node, Message):
            yield node.text if isinstance(node.text, str) else static_text(node.text)


def to_text(value: Value) -> str | Query:
    """A value where a text is due; a pending query stays one. `WrongKind` for a list, record, function."""
    match value:
        case str():
            return value
        case bool() | int() | float():
            return scalar_text(value)
        case Query():
            return static_text(value) if is_static(value) else value
        case LazyText():
            return value.read()
        case tuple() | LazyList():
            raise WrongKind(JOIN_HELP)
        case dict():
            raise WrongKind(GET_HELP)
    raise WrongKind(CALL_HELP)


def to_queries(value: Value, span: Span | None, role: Role = "user") -> Iterator[Query]:
    """A value where queries are due: a text is a message, a list is spliced. `WrongKind` otherwise."""
    match value:
        case Query():
            if value is not NOTHING:
                yield value
        case tuple() | LazyList():
            for item in value:
                yield from to_queries(item, span, role)
        case _:
            text = to_text(value)
            assert isinstance(text, str), "only a query has a text that is pending"
            yield Message(role, text, span=span)


def to_query(value: Value, span: Span | None) -> Query:
    """A value where one query is due: a list of several becomes a `seq`."""
    return joined(tuple(to_queries(value, span)), span)


def joined(queries: tuple[Query, ...], span: Span | None) -> Query:
    """Several queries as one: itself if it is one, else a `seq`."""
    return queries[0] if len(queries) == 1 else Seq(queries, span=span)


def concat(parts: tuple[str | Query, ...], name: str, span: Span | None, separator: str = "") -> str | Query:
    """Texts joined; a pending one where any part is pending."""
    if len(parts) == 1:
        return parts[0]
    waits = tuple(part for part in parts if isinstance(part, Query))
    if not waits:
        return _joined_texts([part for part in parts if isinstance(part, str)], separator, span)

    def resume(values: tuple[Value, ...]) -> str:
        known = iter(values)
        texts = [part if isinstance(part, str) else known_text(next(known), span) for part in parts]
        return _joined_texts(texts, separator, span)

    return Deferred("apply", name, waits, resume, span=span, gives="text")


def _joined_texts(texts: list[str], separator: str, span: Span | None) -> str:
    check_text(sum(map(len, texts)) + len(separator) * len(texts), span)
    return separator.join(texts)


def known_text(value: Value, span: Span | None) -> str:
    """A value that became known where a text is due. `ProgramError` where it is none."""
    try:
        text = to_text(value)
    except WrongKind as wrong:
        raise ProgramError(
            "wrong-type",
            f"a text is due here, but this came to {kind(value)}",
            span=span,
            helps=wrong.helps,
        ) from None
    assert isinstance(text, str), "a value is complete when it is delivered"
    return text
