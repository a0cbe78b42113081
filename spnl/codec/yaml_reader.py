"""Reading YAML, with places: text to items. The only module that imports yaml, but for `yaml_writer`.

Imports `items`. It takes the parser's events, not the objects of a loader: so nothing is recursive, tags are
refused and never obeyed, aliases are counted before they are followed, and a word without quotes that YAML's
versions read differently stays the word that it is. The parser is the one in Python: it has the same errors
and places everywhere, where the one in C need not be installed.
"""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from spnl.codec.items import NUMBER, Item, Opened, Unclear, nothing_here, number_at, too_deep
from spnl.errors import ProgramError
from spnl.reader import MAX_DEPTH
from spnl.source import Source, Span

MAX_ALIASED: Final = 10_000
"""How many values aliases may stand for, in all: a short text could mean billions."""

_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
_OCTAL = re.compile("0o[0-7]+")  # of YAML 1.2
_RESOLVER: Any = yaml.resolver.Resolver()  # its types say less than it does
_KINDS = {
    "int": "a number",
    "float": "a number",
    "bool": "a bool",
    "null": "null",
    "timestamp": "a date",
    "merge": "a sign of their own",
    "value": "a sign of their own",
}
"""What YAML 1.1 takes words for, by the last part of its tags."""
_ADVICE = {
    "mapping values are not allowed": "a text with `: ` in it stands in quotes",
    "'\\t'": "indent with spaces",
    "cannot start any token": "a text that begins with this character stands in quotes",
}
"""What to do about complaints of the parser, by a part of each."""


class _Counted(Opened):
    """A list or an object, how many values are in it, and how deep it is."""

    __slots__ = ("anchor", "depth", "end", "size")

    def __init__(self, opening: Span, anchor: str | None, *, is_object: bool) -> None:
        super().__init__(opening, is_object=is_object)
        self.anchor = anchor
        self.size = 1
        self.depth = 1
        self.end = opening.end


def read_items(source: Source) -> Item:
    """What a YAML text holds. Raises `ProgramError`."""
    reader = _Reader(source)
    try:
        for event in yaml.parse(source.text, Loader=yaml.SafeLoader):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        raise _bad_yaml(source, error) from None
    except yaml.reader.ReaderError as error:
        raise reader.error("YAML cannot hold this character", error.position, error.position + 1) from None
    except (ValueError, OverflowError):  # of int() and chr() within the parser, for absurd escapes
        message = "this is not YAML: an escape or a number near here is out of bounds"
        raise reader.error(message, reader.at, reader.at + 1) from None
    if reader.root is None:
        raise nothing_here(source)
    return reader.root


class _Reader:
    """Takes events and makes items of them. `open` are the lists and objects that it is in."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.root: Item | None = None
        self.open: list[_Counted] = []
        self.anchors: dict[str, tuple[Item, int, int]] = {}  # with size and depth
        self.aliased = 0
        self.at = 0

    def take(self, event: yaml.Event) -> None:
        """The next event."""
        assert event.start_mark is not None and event.end_mark is not None
        self.at = event.end_mark.index
        span = Span(self.source, event.start_mark.index, event.end_mark.index)
        if isinstance(event, yaml.DocumentStartEvent) and self.root is not None:
            raise self.error("a file holds one document", span.start, span.end, "put them into one `seq`")
        if isinstance(event, (yaml.CollectionStartEvent, yaml.ScalarEvent)) and event.tag is not None:
            raise self.error("tags have no meaning in a query", span.start, span.end, "remove the tag")
        if isinstance(event, yaml.CollectionStartEvent):
            self.begin(event, span)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.end(span)
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event.anchor or "", span)
        elif isinstance(event, yaml.ScalarEvent):
            self.scalar(event, span)

    def begin(self, event: yaml.CollectionStartEvent, span: Span) -> None:
        """A list or an object begins."""
        self.refuse_as_key(span)
        if len(self.open) == MAX_DEPTH:
            raise too_deep(span)
        is_object = isinstance(event, yaml.MappingStartEvent)
        self.open.append(_Counted(span, event.anchor, is_object=is_object))

    def end(self, span: Span) -> None:
        """The innermost list or object ends: with its bracket, or with the last of what is in it."""
        opened = self.open.pop()
        item = opened.close(span.end if span.text in ("]", "}") else opened.end)
        self.add(item, item.span.end, opened.anchor, opened.size, opened.depth)

    def scalar(self, event: yaml.ScalarEvent, span: Span) -> None:
        """A key, or a text, a number, `true`, `false` or `null`."""
        if self.open and self.open[-1].needs_key:
            self.open[-1].name(event.value, span)
        elif event.style is None:
            self.add(_plain(event.value, span), span.end, event.anchor)
        else:
            self.add(Item(event.value, span), span.end, event.anchor)

    def alias(self, name: str, span: Span) -> None:
        """What was anchored once more."""
        self.refuse_as_key(span)
        if name not in self.anchors:
            advice = f"mark what it stands for with `&{name}`, before it"
            raise self.error("this alias stands for nothing before it", span.start, span.end, advice)
        item, size, depth = self.anchors[name]
        self.aliased += size
        if self.aliased > MAX_ALIASED:
            message = f"the aliases of this text stand for more than {MAX_ALIASED} values"
            raise self.error(message, span.start, span.end, "write out what they stand for")
        if len(self.open) + depth > MAX_DEPTH:
            raise too_deep(span)
        self.add(item._replace(span=span), span.end, None, size, depth)

    def add(self, item: Item, end: int, anchor: str | None, size: int = 1, depth: int = 0) -> None:
        """Put a value where it belongs."""
        if anchor is not None:
            self.anchors[anchor] = (item, size, depth)
        if not self.open:
            self.root = item
            return
        opened = self.open[-1]
        opened.add(item)
        opened.end = end
        opened.size += size
        opened.depth = max(opened.depth, depth + 1)

    def refuse_as_key(self, span: Span) -> None:
        """An error where a key is due, which is a text."""
        if self.open and self.open[-1].needs_key:
            raise self.error("a key is a text", span.start, span.end, "write it as it is, without brackets")

    def error(self, message: str, start: int, end: int, *helps: str) -> ProgramError:
        """An error with its place, which ends within the text."""
        place = Span(self.source, start, min(end, len(self.source.text)))
        return ProgramError("bad-yaml", message, span=place, helps=helps)


def _plain(word: str, span: Span) -> Item:
    """What a word, or words, without quotes mean: in JSON, or else in every version of YAML."""
    itself = Span(span.source, span.end - len(word), span.end)  # an anchor may stand before it
    if word in _CONSTANTS:
        return Item(_CONSTANTS[word], itself)
    if NUMBER.fullmatch(word):
        return Item(number_at(itself), itself)
    kind = _other_kind(word)
    return Item(word, span) if kind is None else Item(Unclear(word, kind), itself)


def _other_kind(word: str) -> str | None:
    """What readers of some version of YAML take a word for, where that is not a text."""
    tag: str = _RESOLVER.resolve(yaml.ScalarNode, word, (True, False)).rpartition(":")[2]
    if tag in _KINDS:
        return _KINDS[tag]
    if word in ("y", "Y", "n", "N"):  # in the standard of 1.1, but not in PyYAML
        return "a bool"
    return "a number" if _OCTAL.fullmatch(word) else None


def _bad_yaml(source: Source, error: yaml.MarkedYAMLError) -> ProgramError:
    """The parser's complaint, with its place."""
    mark = error.problem_mark or error.context_mark
    start = min(mark.index, len(source.text)) if mark is not None else 0
    notes = []
    if error.context is not None and error.context_mark is not None:
        notes.append(f"{error.context} that begins on line {error.context_mark.line + 1}")
    return ProgramError(
        "bad-yaml",
        f"this is not YAML: {error.problem or error.context}",
        span=Span(source, start, min(start + 1, len(source.text))),
        notes=notes,
        helps=[advice for sign, advice in _ADVICE.items() if sign in (error.problem or "")][:1],
    )
