"""Where lines break: the pieces of a program to text.

Imports `tree` and `shapes`. One pass, from the outside in: the measures of each piece are known, so whether
it fits is known before it is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from spnl.formatting.shapes import Shape, shape_of
from spnl.formatting.tree import WIDTH, Group, Leaf, Piece
from spnl.syntax import Text
from spnl.width import columns

LONG_HEAD: Final = 16
"""The characters from which on a name is too long to align arguments behind it."""


def lay_out(pieces: Iterable[Piece]) -> str:
    """The text of a program."""
    writer = _Writer()
    writer.program(pieces)
    return "".join(writer.written)


@dataclass(slots=True)
class _Open:
    """A broken list that is being written.

    `indent`: the column of what goes on a line of its own. `hanging`: nothing has, so far. `begun`: something
    stands at `indent`, so that a blank line may come. `arguments`: how many were written.
    """

    group: Group
    shape: Shape | None
    indent: int
    closers: int
    hanging: bool
    begun: bool
    arguments: int = 0

    def holds_long_text(self) -> bool:
        """Whether a text that is too long for any line may go on the head's line here.

        Not where parts follow that would stand below it, as in `user`: all have lines of their own, then.
        """
        assert self.shape is not None
        data = sum(1 for piece in self.group.pieces if not piece.comment)
        alone = self.arguments == data - 2 or not self.shape.body
        return self.arguments < self.shape.leading + alone


class _Writer:
    """Writes pieces, and knows the column and the line that it is at.

    `closers`, throughout: how many `)` follow a piece on its last line, and have to fit there.
    """

    def __init__(self) -> None:
        self.written: list[str] = []
        self.column = 0
        self.line = 0

    def program(self, pieces: Iterable[Piece]) -> None:
        """Write the pieces at top level."""
        for piece in pieces:
            if self.written:
                if self.trails(piece, 0):
                    self.put(" ")
                else:
                    self.new_line(0, piece.blank)
            self.piece(piece, None, 0, 0)
        if self.written:
            self.put("\n")

    def piece(self, piece: Piece, parent: Shape | None, indent: int, closers: int) -> None:
        """Write a piece here; `indent` is for the further lines of a text."""
        if isinstance(piece, Leaf):
            self.put(piece.text)
            for line in piece.tail:
                self.new_line(indent if line else 0)
                self.put(line)
        elif isinstance(piece, Group):
            if piece.width is not None and self.column + piece.width + closers <= WIDTH:
                self.put(_on_one_line(piece))
            else:
                self.group(piece, parent, closers)

    def group(self, group: Group, parent: Shape | None, closers: int) -> None:
        """Write a list over several lines."""
        self.put(group.opening)
        shape = None if group.head is None else shape_of(group.head, parent)
        indent = self.column if shape is None else self.column + 1
        open_ = _Open(group, shape, indent, closers + 1, shape is not None, shape is None)
        last = len(group.pieces) - 1
        for index, piece in enumerate(group.pieces):
            behind = closers + 1 if index == last else 0
            if index:
                self.separate(open_, piece, behind)
            line = self.line
            self.piece(piece, shape, open_.indent, behind)
            if self.line > line or _ends_line(piece):
                open_.hanging = False
        if group.pieces and _ends_line(group.pieces[-1]):
            self.new_line(open_.indent)
        self.put(")")

    def separate(self, open_: _Open, piece: Piece, closers: int) -> None:
        """Write what stands before a piece of a broken list: a space, or a line end and the indentation."""
        if piece.comment:
            stays = self.trails(piece, closers)
        else:
            stays = open_.hanging and self.joins(open_, piece, closers)
            open_.arguments += 1
        if stays:
            self.put(" ")
        else:
            open_.hanging = False
            self.new_line(open_.indent, piece.blank and open_.begun)
            open_.begun = True

    def trails(self, piece: Piece, closers: int) -> bool:
        """Whether a piece is a comment that goes on the line of what is before it."""
        if not piece.comment or piece.own_line:
            return False
        return _ends_line(piece) or (piece.width is not None and self.fits(piece.width, closers))

    def joins(self, open_: _Open, piece: Piece, closers: int) -> bool:
        """Whether an argument goes on the line of the head."""
        shape = open_.shape
        assert shape is not None
        if open_.arguments < shape.leading and _leads(piece, shape) and self.fits(piece.need, closers):
            return True
        if isinstance(piece, Leaf) and isinstance(piece.node, Text):
            too_long = piece.width is None or open_.indent + piece.width + closers > WIDTH
            if too_long and open_.holds_long_text():
                return True
        if shape.body or open_.arguments or not self.aligns(open_):
            return False
        open_.indent = self.column + 1
        open_.begun = True
        return True

    def aligns(self, open_: _Open) -> bool:
        """Whether arguments go below each other behind the head, rather than indented.

        Not behind a long head, nor where one of them would fit on a line then, and does not now.
        """
        if len(open_.group.head or "") >= LONG_HEAD:
            return False
        room = WIDTH - open_.indent - open_.closers
        widths = [piece.width for piece in open_.group.pieces[1:] if not piece.comment]
        widest = max((width for width in widths if width is not None and width <= room), default=0)
        return self.fits(max(widest, open_.group.arguments_need), open_.closers)

    def fits(self, width: int, closers: int) -> bool:
        """Whether so many columns fit here, after a space."""
        return self.column + 1 + width + closers <= WIDTH

    def new_line(self, indent: int, blank: bool = False) -> None:
        """End the line, and indent the next."""
        self.written.append(("\n\n" if blank else "\n") + " " * indent)
        self.column = indent
        self.line += 1

    def put(self, text: str) -> None:
        """Write text, which may have line ends."""
        self.written.append(text)
        if "\n" in text:
            self.line += 1
            self.column = columns(text[text.rindex("\n") + 1 :])
        else:
            self.column += columns(text)


def _leads(piece: Piece, shape: Shape) -> bool:
    """Whether a piece is one of those that may stand on the head's line."""
    if isinstance(piece, Group):
        return shape.leads_any or piece.head in shape.leading_clauses
    return True


def _ends_line(piece: Piece) -> bool:
    return isinstance(piece, Leaf) and piece.ends_line


def _on_one_line(piece: Piece) -> str:
    if isinstance(piece, Group):
        return f"{piece.opening}{' '.join(map(_on_one_line, piece.pieces))})"
    assert isinstance(piece, Leaf)
    return piece.text
