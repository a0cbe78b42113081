"""What an argument may be: lists, and texts that are read line by line."""

from collections.abc import Iterator
from typing import Annotated, Any

from spnl.forms.types import SPLIT_HELP, ArgType, TextType, target_of
from spnl.lazy import GivenText, LazyList, LazyText
from spnl.query import Map, Query, Repeat, Structure
from spnl.source import Span
from spnl.values import (
    NOTHING,
    Value,
    WrongKind,
    is_pending,
    kind,
    pending_in,
    pending_kind,
    settled,
    to_text,
)

LIST_HELP = "a list of several values is `(list …)`"
REPLIES_HELP = "for a list of replies, use `(foreach x LIST (g …))`"


class ListType(ArgType):
    """A list, whose items need not be known."""

    name = "a list"
    accepts = frozenset(("list",))

    def waits(self, value: Value) -> Iterator[Query]:
        return iter((value,)) if isinstance(value, Query) and is_pending(value) else iter(())

    def convert(self, value: Value, span: Span) -> Any:
        if isinstance(value, tuple):
            return value
        if isinstance(value, LazyList):
            return value.items()
        if isinstance(value, Query) and value == NOTHING:
            return ()
        raise WrongKind(*self.helps_for(value))

    def helps_for(self, value: Value) -> tuple[str, ...]:
        if isinstance(value, (str, LazyText)):
            return (SPLIT_HELP,)
        if not isinstance(value, Query) or pending_kind(value) != "text":
            return ()
        target = target_of(value)
        if isinstance(target, Structure):
            return (LIST_HELP,)
        return (REPLIES_HELP if isinstance(target, (Map, Repeat)) else SPLIT_HELP,)


class RowsType(ListType):
    """A list to be gone through once, which a lazy one need not be made whole for."""

    def convert(self, value: Value, span: Span) -> Any:
        return value if isinstance(value, LazyList) else super().convert(value, span)


class KnownListType(ListType):
    """A list in which everything is known."""

    def waits(self, value: Value) -> Iterator[Query]:
        return pending_in(value)

    def convert(self, value: Value, span: Span) -> Any:
        return settled(super().convert(value, span))


class ListOrJsonType(RowsType):
    """A list, or the JSON text of one."""

    name = "a list or the JSON of one"
    accepts = frozenset(("list", "text"))

    def convert(self, value: Value, span: Span) -> Any:
        if isinstance(value, (str, LazyText)) or (isinstance(value, Query) and value != NOTHING):
            from spnl.forms.json_text import NotJson, parse

            text = to_text(value)
            assert isinstance(text, str), "a pending value is waited for before it is converted"
            try:
                value = parse(text)
            except NotJson:
                raise WrongKind(SPLIT_HELP) from None
        return super().convert(value, span)


class TextListType(ListType):
    """A list of texts, which need not be known."""

    name = "a list of texts"

    def convert(self, value: Value, span: Span) -> tuple[str | Query, ...]:
        return tuple([self._text(item) for item in super().convert(value, span)])

    def _text(self, item: Value) -> str | Query:
        try:
            return to_text(item)
        except WrongKind as wrong:
            raise WrongKind(*wrong.helps, found=f"a list with {kind(item)} in it") from None


class CountableType(ListType):
    """What has a length: a text that is known, a list, or a record; their contents need not be known."""

    name = "a text, a list or a record"
    accepts = frozenset(("text", "list", "record"))

    def convert(self, value: Value, span: Span) -> Any:
        if isinstance(value, (str, dict, tuple, LazyList)):
            return value
        if isinstance(value, (LazyText, Query)):
            return to_text(value)
        raise WrongKind


class DocumentType(TextType):
    """A text to be read line by line, which a file's may be without being read whole."""

    def __init__(self, *, of_rows: bool = False) -> None:
        self._of_rows = of_rows

    def convert(self, value: Value, span: Span) -> Any:
        if isinstance(value, LazyText):
            return value
        text = super().convert(value, span)
        # A text of one line that is written here is no document, but may well be the name of one.
        if (self._of_rows or span.text.startswith('"')) and _is_file_name(text):
            raise WrongKind(f'this is the name of a file, whose text is `(file "{text}")`')
        return GivenText(text)


def _is_file_name(text: str) -> bool:
    return (
        len(text) < 500
        and text.lower().endswith((".txt", ".md", ".csv", ".tsv", ".json", ".jsonl", ".ndjson"))
        and not any(character.isspace() for character in text)
    )


Items = Annotated[tuple[Any, ...], ListType()]
KnownItems = Annotated[tuple[Any, ...], KnownListType()]
Rows = Annotated[tuple[Any, ...] | LazyList, RowsType()]
RowsOrJson = Annotated[tuple[Any, ...] | LazyList, ListOrJsonType()]
Countable = Annotated[str | tuple[Any, ...] | LazyList | dict[str, Any], CountableType()]
TextItems = Annotated[tuple[str | Query, ...], TextListType()]
Document = Annotated[LazyText, DocumentType()]
Table = Annotated[LazyText, DocumentType(of_rows=True)]
