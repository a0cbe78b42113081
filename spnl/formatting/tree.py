"""Programs as the formatter sees them: data and comments together, measured, each where it stands.

Imports `reader`, `source`, `syntax` and `width`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from spnl.reader import read
from spnl.source import Source, Span
from spnl.syntax import Comment, List, Node, Program, Symbol, Text
from spnl.width import columns

WIDTH: Final = 100
"""The columns of a line."""

COMPACT: Final = 72
"""The columns up to which a list with two or more lists in it stands on one line."""


@dataclass(slots=True, kw_only=True)
class Piece:
    """An atom, a list or a comment, where it stands.

    `own_line`: it is the first on its line. `blank`: a blank line is before it. `width`: its columns on one
    line, None where it cannot be on one. `need`: the columns that it takes if broken as far as can be.
    """

    comment: bool = False
    own_line: bool = False
    blank: bool = False
    width: int | None = None
    need: int = 0


@dataclass(slots=True, kw_only=True)
class Leaf(Piece):
    """An atom, or a comment that is kept as it is written.

    `text` may have several lines, and the further ones stay as they are; those in `tail` are indented like
    the code around them. `node` is the atom. A comment that `ends_line` has nothing after it on its line.
    """

    text: str
    tail: Sequence[str] = ()
    node: Node | None = None
    ends_line: bool = False

    def __post_init__(self) -> None:
        first, newline, _ = self.text.partition("\n")
        self.need = columns(first)
        if not (newline or self.tail or self.ends_line):
            self.width = self.need

    @property
    def name(self) -> str | None:
        """The name that a symbol is."""
        return self.node.name if isinstance(self.node, Symbol) else None


@dataclass(slots=True, kw_only=True)
class Group(Piece):
    """A list: after its opening, `(` or `#;(`, its data and the comments between them."""

    opening: str = "("
    pieces: list[Piece] = field(default_factory=list)
    arguments_need: int = 0

    @property
    def head(self) -> str | None:
        """The name at the list's head."""
        first = self.pieces[0] if self.pieces else None
        return first.name if isinstance(first, Leaf) else None

    @property
    def trailing_comment(self) -> bool:
        """Whether the list's last line ends in a comment, so that `)` had to go to the next line."""
        return _trails_to_line_end(self.pieces[-1] if self.pieces else None)

    def measure(self) -> None:
        """Set `width` and `need` from those of the parts."""
        widths = [piece.width for piece in self.pieces if not (piece.comment and piece.own_line)]
        known = [width for width in widths if width is not None]
        if len(known) == len(self.pieces):
            width = len(self.opening) + sum(known) + max(len(known) - 1, 0) + 1
            lists = sum(1 for piece in self.pieces if isinstance(piece, Group))
            self.width = width if width <= (COMPACT if lists > 1 else WIDTH) else None
        data = [piece.need for piece in self.pieces if not piece.comment]
        start = len(self.opening)
        if self.head is None:
            self.need = start + max(data, default=0) + 1
        else:
            self.arguments_need = max(data[1:], default=0)
            self.need = max(start + data[0], start + 1 + self.arguments_need) + 1


def _trails_to_line_end(piece: Piece | None) -> bool:
    """Whether a piece is a comment behind something else, and up to the end of the line."""
    return isinstance(piece, Leaf) and piece.ends_line and not piece.own_line


def pieces_of(program: Program) -> list[Piece]:
    """The data and comments of a program, in order."""
    return _Builder(program).pieces(program.items, 0, len(program.source.text))


class _Builder:
    """Puts the comments of a program back between its data."""

    def __init__(self, program: Program, inside_comment: bool = False) -> None:
        self.text = program.source.text
        self.comments = program.comments
        self.next_comment = 0
        self.inside_comment = inside_comment

    def pieces(self, nodes: Sequence[Node], start: int, end: int) -> list[Piece]:
        """The data and the comments between two offsets."""
        found: list[Piece] = []
        at = start
        for node in (*nodes, None):
            limit = end if node is None else node.span.start
            while (comment := self.comment_before(limit)) is not None:
                self.append(found, _comment(comment, self.inside_comment), comment.span, at)
                at = comment.span.end
            if node is not None:
                self.append(found, self.piece(node), node.span, at)
                at = node.span.end
        found = _with_comments_hoisted(found)
        for piece in found:
            if isinstance(piece, Group):
                piece.measure()
        return found

    def comment_before(self, offset: int) -> Comment | None:
        """The next comment, if it is before an offset."""
        if self.next_comment == len(self.comments):
            return None
        comment = self.comments[self.next_comment]
        if comment.span.start >= offset:
            return None
        self.next_comment += 1
        return comment

    def append(self, found: list[Piece], piece: Piece, span: Span, before: int) -> None:
        """Add a piece that stands at `span`; what it follows ends at `before`."""
        if found:
            line_ends = self.text.count("\n", before, span.start)
            piece.own_line = line_ends > 0
            piece.blank = line_ends > 1
        found.append(piece)

    def piece(self, node: Node) -> Piece:
        if isinstance(node, List):
            _, start, end = node.span
            return Group(pieces=self.pieces(node.items, start + 1, end - 1))
        # As the program's own line ends, `\r\n` would be read as one `\n`; within a text it means both.
        written = node.span.text.replace("\r\n", "\\r\n")
        if isinstance(node, Text) and node.block:
            return _text_block(written, node)
        return Leaf(text=written, node=node)


def _with_comments_hoisted(pieces: list[Piece]) -> list[Piece]:
    """Move a comment from the end of a list's last line to behind the list, so that `)` need not stand alone.

    Not where another is there, to the end of the line; any other comment goes to the next line.
    """
    hoisted: list[Piece] = []
    for index, piece in enumerate(pieces):
        hoisted.append(piece)
        if isinstance(piece, Group) and not piece.comment and piece.trailing_comment:
            following = pieces[index + 1] if index + 1 < len(pieces) else None
            if not _trails_to_line_end(following):
                hoisted.append(_taken(piece))
                if following is not None:
                    following.own_line = True
    return hoisted


def _taken(group: Group) -> Piece:
    """The comment that ends a list, no longer in it. One that was held up by it moves up to its place."""
    comment = group.pieces.pop()
    last = group.pieces[-1] if group.pieces else None
    if isinstance(last, Group) and not last.comment and last.trailing_comment:
        group.pieces.append(_taken(last))
        last.measure()
    return comment


def _text_block(written: str, node: Node) -> Leaf:
    """A text block, its lines without the indentation that they share."""
    first, *lines = written[3:-3].split("\n")
    if not lines:
        return Leaf(text=written, node=node)
    alone = _is_blank(lines[-1])  # the closing quotes: this line is no part of the text
    if alone:
        lines.pop()
    if lines and all(map(_is_blank, lines)):
        return Leaf(text=written, node=node)  # there is no indentation that could be told from text
    tail = _outdented(lines)
    if alone:
        tail.append('"""')
    else:
        tail[-1] += '"""'
    return Leaf(text='"""' if _is_blank(first) else f'"""{first}', tail=tail, node=node)


def _comment(comment: Comment, inside_comment: bool) -> Piece:
    """A comment. Of nested `#;`, only the outermost is laid out; the others are kept as they are."""
    text = comment.text
    if text.startswith("#|"):
        return _block_comment(text)
    if text.startswith("#;"):
        kept = Leaf(text=text.replace("\r\n", "\n"), comment=True)
        return kept if inside_comment else _skipped(text) or kept
    return Leaf(text=text.rstrip(), comment=True, ends_line=True)


def _skipped(text: str) -> Piece | None:
    """A datum that is left out, laid out like any other. None where comments are before it."""
    program = read(Source("", text[2:]))
    node = program.items[0]
    builder = _Builder(program, inside_comment=True)
    if builder.comment_before(node.span.start) is not None:
        return None
    piece = builder.piece(node)
    piece.comment = True
    if isinstance(piece, Group):
        piece.opening = "#;("
        piece.measure()
        return piece
    assert isinstance(piece, Leaf)
    return Leaf(text=f"#;{piece.text}", tail=piece.tail, comment=True)


def _block_comment(text: str) -> Leaf:
    """A block comment; its further lines keep their places relative to each other."""
    first, *lines = (line.rstrip() for line in text.split("\n"))
    tail = _outdented(lines)
    if tail and not tail[-1].startswith("|#"):
        tail = [line and f"   {line}" for line in tail]  # below the text, not below `#|`
    return Leaf(text=first, tail=tail, comment=True)


def _outdented(lines: Sequence[str]) -> list[str]:
    """Lines without the indentation that they share, as the language takes it from text blocks."""
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if not _is_blank(line)]
    shared = len(os.path.commonprefix(indents))  # noqa: RUF071 - of characters, not of folders
    return [line[shared:] for line in lines]


def _is_blank(line: str) -> bool:
    return not line.strip(" \t")
