"""What an argument of a form may be: one small class for each kind, and the names that forms annotate with.

A type turns a value into what the form's function takes, or raises `WrongKind`; `spnl.forms.arguments` knows
the place and makes the error. Where a type needs what is not generated yet, the call is deferred until it is.
"""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from spnl.lazy import LazyList, LazyText
from spnl.query import Deferred, Generate, Kind, Query, Ref
from spnl.scope import Function
from spnl.source import Span
from spnl.values import (
    GET_HELP,
    JOIN_HELP,
    NOTHING,
    Value,
    WrongKind,
    is_pending,
    joined,
    pending_in,
    pending_kind,
    to_query,
    to_text,
)

NUMBER_HELP = "make a number of a text with `(number TEXT)`"
SPLIT_HELP = "make a list of a text with `(lines TEXT)` or `(split TEXT SEPARATOR)`"
COMPARE_HELP = 'compare the text: `(contains? TEXT "yes")`, `(= TEXT "yes")`'
LOOP_HELP = "for queries that are more than a text, use `(foreach x LIST (g …))`"
RECORD_HELP = "make a record of JSON text with `(json TEXT)`"

_SCALARS: frozenset[Kind] = frozenset(("text", "number", "bool"))


class ArgType:
    """A kind of argument. `name` completes the sentence "this takes …"."""

    name = "any value"
    accepts: ClassVar[frozenset[Kind]] = _SCALARS | {"list", "record", "function"}
    """The kinds that may stand where this one is due."""
    known = False
    """Whether the value must be known before anything is generated (a model's name, a file's path)."""
    many = False
    """Whether a clause of this type takes any number of values."""
    words: ClassVar[frozenset[str]] = frozenset()
    """Names that stand for themselves here, without quotes: `(think low)`."""

    def waits(self, value: Value) -> Iterator[Query]:
        """What in `value` must be generated before `convert` can be called: by default, all of it."""
        return pending_in(value)

    def convert(self, value: Value, span: Span) -> Any:
        """What the form's function is given for `value`; `WrongKind` where it cannot be."""
        return value

    def check_pending(self, query: Query) -> None:
        """Refuse a pending query that can never become what is due: a text where a number is."""
        found = pending_kind(query)
        if found is not None and found not in self.accepts:
            raise WrongKind(*self.helps_for(query))

    def helps_for(self, value: Value) -> tuple[str, ...]:
        """What to do with a value of another kind."""
        return ()

    def gather(self, values: list[Any], span: Span, places: list[Span]) -> Any:
        """One argument of several converted values, for types that take `many`, with its place and theirs."""
        return tuple(values)


class AnyType(ArgType):
    """Any value, as it is: also one that is not known yet."""

    def waits(self, value: Value) -> Iterator[Query]:
        return iter(())


class KnownType(ArgType):
    """Any value; everything in it is waited for."""

    def convert(self, value: Value, span: Span) -> Value:
        if isinstance(value, (LazyText, Query)):
            return value if value == NOTHING else to_text(value)
        return value.items() if isinstance(value, LazyList) else value


class QueryType(ArgType):
    """A query; a text is a user message, a list is spliced. Never waits."""

    name = "a query"
    accepts = _SCALARS | {"list"}
    many = True

    def waits(self, value: Value) -> Iterator[Query]:
        return iter(())

    def convert(self, value: Value, span: Span) -> Query:
        if isinstance(value, Query):
            self.check_pending(value)
        return to_query(value, span)

    def helps_for(self, value: Value) -> tuple[str, ...]:
        return (GET_HELP,)

    def gather(self, values: list[Any], span: Span, places: list[Span]) -> Query:
        return joined(tuple(query for query in values if query != NOTHING), span)


class PartType(ArgType):
    """A piece of a message: a text, or a query whose text is not known yet. Never waits."""

    name = "a text"
    accepts = _SCALARS

    def waits(self, value: Value) -> Iterator[Query]:
        return iter(())

    def convert(self, value: Value, span: Span) -> str | Query:
        if isinstance(value, Query):
            self.check_pending(value)
        return to_text(value)

    def helps_for(self, value: Value) -> tuple[str, ...]:
        return _helps_for_text(value)


class TextType(ArgType):
    """A text that is known; a generated one is waited for."""

    name = "a text"
    accepts = _SCALARS

    def convert(self, value: Value, span: Span) -> str:
        text = to_text(value)
        assert isinstance(text, str), "a pending value is waited for before it is converted"
        return text

    def helps_for(self, value: Value) -> tuple[str, ...]:
        return _helps_for_text(value)


class KnownTextType(TextType):
    """A text that must be known before anything is generated."""

    known = True


class TextsType(ArgType):
    """Any number of texts; lists are spliced; pending texts stay pending."""

    name = "texts"
    accepts = _SCALARS | {"list"}
    many = True

    def waits(self, value: Value) -> Iterator[Query]:
        """What may turn out to be a list, which has to be spliced."""
        return (query for query in pending_in(value) if pending_kind(query) != "text")

    def convert(self, value: Value, span: Span) -> tuple[str | Query, ...]:
        if isinstance(value, (tuple, LazyList)):
            return tuple([text for item in value for text in self.convert(item, span)])
        if isinstance(value, Query):
            _refuse_structure(value)
        return (to_text(value),)

    def helps_for(self, value: Value) -> tuple[str, ...]:
        return _helps_for_text(value)

    def gather(self, values: list[Any], span: Span, places: list[Span]) -> tuple[str | Query, ...]:
        return tuple(text for value in values for text in value)


class BoolType(ArgType):
    """`#t` or `#f`."""

    name = "`#t` or `#f`"
    accepts = frozenset(("bool",))

    def convert(self, value: Value, span: Span) -> bool:
        if isinstance(value, bool):
            return value
        raise WrongKind(*self.helps_for(value))

    def helps_for(self, value: Value) -> tuple[str, ...]:
        is_text = isinstance(value, (str, LazyText)) or (
            isinstance(value, Query) and pending_kind(value) == "text"
        )
        return (COMPARE_HELP,) if is_text else ()


class RecordType(ArgType):
    """A record; its fields need not be known."""

    name = "a record"
    accepts = frozenset(("record",))

    def waits(self, value: Value) -> Iterator[Query]:
        return iter((value,)) if isinstance(value, Query) and is_pending(value) else iter(())

    def convert(self, value: Value, span: Span) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        raise WrongKind(*self.helps_for(value))

    def helps_for(self, value: Value) -> tuple[str, ...]:
        return (RECORD_HELP,) if isinstance(value, (str, LazyText, Query)) else ()


class FunctionType(ArgType):
    """A function: the user's own, or a form by its name."""

    name = "a function"
    accepts = frozenset(("function",))

    def convert(self, value: Value, span: Span) -> Function:
        if isinstance(value, (str, bool, int, float, tuple, dict, Query, LazyText, LazyList)):
            raise WrongKind(*self.helps_for(value))
        return value

    def helps_for(self, value: Value) -> tuple[str, ...]:
        return ("write one with `(lambda (x) …)`, or name a form",)


def _helps_for_text(value: Value) -> tuple[str, ...]:
    found = pending_kind(value) if isinstance(value, Query) else None
    return (JOIN_HELP,) if found == "list" else (GET_HELP,) if found == "record" else ()


def target_of(query: Query) -> Query:
    """What a query is, or is a use of."""
    while isinstance(query, Ref):
        query = query.bind.value
    return query


def _refuse_structure(query: Query) -> None:
    """Only one generation's reply, or what is made of one, is a text among others."""
    from spnl.query import Attempt

    if not isinstance(target_of(query), (Generate, Deferred, Attempt)):
        raise WrongKind(LOOP_HELP)


AnyValue = Annotated[Any, AnyType()]
KnownValue = Annotated[Any, KnownType()]
QueryArg = Annotated[Query, QueryType()]
Part = Annotated[str | Query, PartType()]
Parts = Annotated[tuple[str | Query, ...], TextsType()]
Text = Annotated[str, TextType()]
KnownText = Annotated[str, KnownTextType()]
Bool = Annotated[bool, BoolType()]
Record = Annotated[dict[str, Any], RecordType()]
Callback = Annotated[Function, FunctionType()]
