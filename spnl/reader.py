"""The reader: program text to syntax. The only module that imports lark, and only when it first reads.

Imports `source`, `errors`, `syntax` and its own helpers: `literals`, `malformed`, `read_errors`. The grammar
says what atoms, lists and comments look like; here the parser's steps become nodes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from spnl import malformed, read_errors
from spnl.errors import ReadError
from spnl.imports import without
from spnl.literals import number_value, text_value
from spnl.source import Source, Span
from spnl.syntax import Bool, Comment, List, Node, Number, Program, Symbol, Text

if TYPE_CHECKING:
    from lark import Lark, Transformer

MAX_DEPTH: Final = 200
"""How deep lists may nest: what follows the reader may be recursive on syntax."""

MAX_ERRORS: Final = 100
"""After how many errors `read_all` reads no further."""

LARK_OPTIONS: Final[dict[str, Any]] = {"start": "program", "parser": "lalr", "maybe_placeholders": False}


def read(source: Source) -> Program:
    """The syntax of a program.

    Raises the first `ReadError`: an `IncompleteError` where the text is right as far as it goes but ends
    inside a list, a string or a comment, so that more input could complete it.
    """
    program, errors = _read(source, max_errors=1)
    if errors:
        raise errors[0]
    return program


def read_text(text: str, name: str = "-c") -> Program:
    """`read`, for text that is in no file; errors call it `name`."""
    return read(Source(name, text))


def read_all(source: Source) -> tuple[Program, tuple[ReadError, ...]]:
    """The syntax of a program, and every error in the order of reading.

    Stand-ins take the places of malformed atoms, and reading goes on. What lacks its end, too deep nesting
    and too many errors end it; the program is empty then.
    """
    return _read(source, MAX_ERRORS)


def _read(source: Source, max_errors: int) -> tuple[Program, tuple[ReadError, ...]]:
    with _LOCK, _no_collection():
        parser, builder = _parser_and_builder()
        builder.begin(source, max_errors)
        try:
            items = builder.items(parser)
            return Program(source, items, tuple(builder.comments)), tuple(builder.errors)
        finally:
            vars(builder).clear()  # so that no text outlives its use


class _Token(Protocol):
    """What is used of lark's tokens."""

    type: str
    value: str
    start_pos: int
    end_pos: int
    column: int


_Parts: TypeAlias = list[Any]  # of a rule: nodes and tokens, and None for a comment


class _Builder:
    """Makes nodes while lark parses: a method for each rule and terminal of the grammar that needs one.

    Lark binds a parser to its builder, so one builder serves all reads, one at a time.
    """

    def begin(self, source: Source, max_errors: int) -> None:
        """Forget the text before, and be ready for `source`."""
        self.source = source
        self.max_errors = max_errors
        self.errors: list[ReadError] = []
        self.comments: list[Comment] = []
        self.open: list[_Token] = []  # each `(`, `#|` and `#;` that lacks its end
        self.depth = 0
        self.parentheses: list[int] = []  # since the top level: the offset of a `(`, ~offset of a `)`
        self.last_list: Span | None = None  # of those that begin a line
        self.last_atom = Span(source, -1, -1)
        self.last_glued = self.last_stray = -1  # where they end

    def items(self, parser: Lark) -> tuple[Node, ...]:
        """The data at top level; none where reading ends early."""
        from lark import UnexpectedInput

        try:
            if not self.source.text.isascii():
                self.refuse_surrogates()
            items = cast(tuple[Node, ...], parser.parse(self.source.text))
            if not items and not self.errors:
                self.report(read_errors.empty(self.source))
            return items
        except UnexpectedInput as error:
            token = getattr(error, "token", None)
            at_end = token is not None and token.type == "$END"
            if not read_errors.has_closed(self.errors):
                self.errors.append(self.unended(at_end))
        except ReadError as error:
            self.errors.append(error.with_traceback(None))  # which would keep all of lark's state
        return ()

    def report(self, error: ReadError) -> None:
        """Keep an error that reading goes on after, or stop at the last that is wanted."""
        if len(self.errors) + 1 >= self.max_errors:
            raise error
        self.errors.append(error)

    # Atoms

    def NUMBER(self, token: _Token) -> Node:
        span = self.place(token)
        return Number(number_value(span, self.report), span=span)

    def BOOL(self, token: _Token) -> Node:
        return Bool(token.value == "#t", span=self.place(token))

    def SYMBOL(self, token: _Token) -> Node:
        return Symbol(token.value, span=self.place(token))

    def STRING(self, token: _Token) -> Node:
        return self.text(token, 1)

    def TEXT_BLOCK(self, token: _Token) -> Node:
        return self.text(token, 3)

    def text(self, token: _Token, quotes: int) -> Node:
        span = self.place(token)
        inside = Span(self.source, span.start + quotes, span.end - quotes)
        block = quotes == 3
        return Text(text_value(inside, block, self.report), block=block, span=span)

    def JUNK(self, token: _Token) -> Node:
        span = Span(self.source, token.start_pos, token.end_pos)
        self.report(malformed.malformed(span))
        return Symbol(token.value, span=span)

    def UNTERMINATED_STRING(self, token: _Token) -> Node:
        raise read_errors.unterminated(self.source, token.start_pos, token.value)

    UNTERMINATED_BLOCK = UNTERMINATED_STRING

    def place(self, token: _Token) -> Span:
        """The span of an atom, which must not touch the atom before it."""
        span = Span(self.source, token.start_pos, token.end_pos)
        if span.start == self.last_atom.end:
            if span.start != self.last_glued:  # in a run of atoms that touch, only the first is an error
                self.touches(span)
            self.last_glued = span.end
        self.last_atom = span
        return span

    def touches(self, span: Span) -> None:
        """The atom at `span` has nothing before it that separates it from the last."""
        if malformed.runs_on(self.last_atom):
            # From here on, strings are read as code and code as strings: nothing more is worth telling.
            raise malformed.runaway(self.last_atom, span)
        self.report(malformed.glued(self.last_atom, span))

    # Lists

    def LPAR(self, token: _Token) -> _Token:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise read_errors.too_deep(Span(self.source, token.start_pos, token.end_pos), MAX_DEPTH)
        self.open.append(token)
        self.parentheses.append(token.start_pos)
        return token

    def list(self, parts: _Parts) -> Node:
        first, *inside, last = parts
        self.open.pop()
        self.depth -= 1
        span = Span(self.source, first.start_pos, last.end_pos)
        if self.depth:
            self.parentheses.append(~last.start_pos)
        else:
            self.parentheses.clear()
            self.last_list = span if first.column == 1 else self.last_list
        return List(_without_comments(inside), span=span)

    def stray(self, parts: _Parts) -> None:
        token: _Token = parts[0]
        if token.start_pos != self.last_stray:  # of `)))`, only the first is an error
            self.report(read_errors.stray(Span(self.source, token.start_pos, token.end_pos), self.last_list))
        self.last_stray = token.end_pos

    def program(self, parts: _Parts) -> tuple[Node, ...]:
        return _without_comments(parts)

    # Comments

    def begin_comment(self, token: _Token) -> _Token:
        self.open.append(token)
        return token

    BLOCK_OPEN = SKIP = begin_comment

    def LINE_COMMENT(self, token: _Token) -> None:
        self.comment(token.start_pos, token.end_pos)

    def block_comment(self, parts: _Parts) -> None:
        self.comment(self.open.pop().start_pos, parts[-1].end_pos)

    def nested_comment(self, parts: _Parts) -> None:
        self.open.pop()

    def datum_comment(self, parts: _Parts) -> None:
        start = self.open.pop().start_pos
        while self.comments and self.comments[-1].span.start > start:  # it has those inside it
            self.comments.pop()
        self.comment(start, parts[-1].span.end)

    def comment(self, start: int, end: int) -> None:
        self.comments.append(Comment(Span(self.source, start, end)))

    # What the text ends inside of

    def unended(self, at_end: bool) -> ReadError:
        """The error of the innermost list or comment that lacks its end."""
        innermost = self.open[-1]
        if innermost.type == "SKIP":
            skip = Span(self.source, innermost.start_pos, innermost.end_pos)
            return read_errors.nothing_to_skip(skip, at_end)
        if innermost.type == "BLOCK_OPEN":
            return read_errors.unterminated(self.source, innermost.start_pos, innermost.value)
        return read_errors.unclosed(self.source, self.parentheses)

    def refuse_surrogates(self) -> None:
        """An error where the text has what UTF-8 has not: bytes of a command line that were no text."""
        try:
            self.source.text.encode()
        except UnicodeEncodeError as error:
            raise read_errors.not_text(Span(self.source, error.start, error.start + 1)) from None


def _without_comments(parts: _Parts) -> tuple[Node, ...]:
    return tuple([part for part in parts if part is not None])


_LOCK = Lock()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the garbage collector from walking syntax while it grows: nothing in it is garbage yet.

    That is 1.15 times as fast for 50 kB of program and twice as fast for 2 MB.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@cache
def _parser_and_builder() -> tuple[Lark, _Builder]:
    with without("regex"):  # which lark would import for a grammar of another kind: 7 ms
        import lark
    from spnl import _tables

    builder = _Builder()
    transformer = cast("Transformer[Any, Any]", builder)  # lark only looks for methods by their names
    if lark.__version__ == _tables.LARK_VERSION:
        load: Any = lark.Lark._load_from_dict  # what lark's own generated parsers load with; it has no types
        return load(_tables.DATA, _tables.MEMO, transformer=transformer), builder
    return lark.Lark(grammar(), transformer=transformer, **LARK_OPTIONS), builder


def grammar() -> str:
    """The grammar: beside the package in a checkout, inside it once installed."""
    from pathlib import Path

    package = Path(__file__).resolve().parent
    file = package / "grammar" / "spnl.lark"
    return (file if file.exists() else package.parent / "grammar" / "spnl.lark").read_text(encoding="utf-8")
