"""Where the cursor stands in an entry: in a text, in a comment, or within which forms."""

from __future__ import annotations

from typing import NamedTuple

from spnl.repl.tokens import START, Line, Mark, TokenLines

TEXTS = ("string", "block")
LOOKED_THROUGH = 2_000
"""How many lines are looked through for a matching parenthesis, and for the form around the cursor."""


class Frame(NamedTuple):
    """An open list: its line and column, its head, and where its first argument stands.

    `parts` counts what stands after the head.
    """

    row: int
    column: int
    head: str
    first: Mark | None
    first_row: int
    parts: int


class Context(NamedTuple):
    """The place of the cursor. `frames` are the lists that are open there, outermost first.

    `word` is what stands before it since the last blank or parenthesis, or since the text began.
    """

    frames: tuple[Frame, ...]
    inside: str
    word: str

    @property
    def in_text(self) -> bool:
        """Whether the cursor is in a text."""
        return self.inside in TEXTS

    @property
    def at_head(self) -> bool:
        """Whether the word is the head of a list."""
        return (
            bool(self.frames)
            and not self.in_text
            and self.frames[-1].head == self.word
            and (self.frames[-1].parts == 0)
        )


def context_at(lines: TokenLines, text: str, cursor: int) -> Context:
    """The place of the cursor in a text of code."""
    before = text[:cursor].split("\n")[-LOOKED_THROUGH:]
    states: tuple[str, ...] = START
    found: list[Line] = []
    for line_text in before:
        line = lines.line(line_text, states)
        found.append(line)
        states = line.after
    frames: list[Frame] = []
    start = max((row for row, line in enumerate(found) if line.before == START), default=0)
    for row in range(start, len(found)):
        for mark in found[row].marks:
            _take(frames, row, mark)
    inside = _inside(found[-1])
    return Context(tuple(frames), inside, _word(before[-1], inside in TEXTS))


def _inside(line: Line) -> str:
    """What the end of a line is in: `string`, `block`, `comment`, or else a list or nothing."""
    from pygments.token import Comment  # type: ignore[import-untyped]

    words = [kind for kind, text in line.tokens if text.strip()]
    if words and words[-1] in Comment and line.after[-1] not in TEXTS:
        return "comment"
    return line.after[-1]


def _take(frames: list[Frame], row: int, mark: Mark) -> None:
    """Go past a parenthesis or an atom."""
    if mark.text == ")":
        if frames:
            frames.pop()
        return
    if frames:
        frame = frames[-1]
        if not frame.head:
            frames[-1] = frame._replace(head=mark.text)
        else:
            first = (mark, row) if frame.first is None else (frame.first, frame.first_row)
            frames[-1] = frame._replace(first=first[0], first_row=first[1], parts=frame.parts + 1)
    if mark.text == "(":
        frames.append(Frame(row, mark.column, "", None, row, 0))


def _word(line: str, in_text: bool) -> str:
    if in_text:
        return line.rpartition('"')[2]
    at = len(line)
    while at and line[at - 1] not in ' \t()";':
        at -= 1
    return line[at:]


def indentation(context: Context) -> str:
    """What a new line at the cursor begins with: as far in as `spnl fmt` would have it."""
    from spnl.formatting.shapes import CLAUSE, Shape, shape_of

    if context.in_text or not context.frames:
        return ""
    shape: Shape | None = None
    for frame in context.frames:
        shape = CLAUSE if frame.head == "(" else shape_of(frame.head, shape)
    frame = context.frames[-1]
    if frame.head in ("", "("):
        return " " * (frame.column + 1)
    if shape is not None and not shape.body and frame.first is not None and frame.first_row == frame.row:
        return " " * frame.first.column
    return " " * (frame.column + 2)


def matching(lines: TokenLines, text: str, cursor: int) -> tuple[int, int] | None:
    """The offsets of the parenthesis at the cursor, or just before it, and of the one that goes with it."""
    if not set(text[max(0, cursor - 1) : cursor + 1]) & {"(", ")"}:
        return None
    found = lines.lines(text)
    starts = [0]
    for line_text in text.split("\n"):
        starts.append(starts[-1] + len(line_text) + 1)
    pairs: dict[int, int] = {}
    still_open: list[int] = []
    for start, line in zip(starts, found, strict=False):
        for mark in line.marks:
            if mark.text == "(":
                still_open.append(start + mark.column)
            elif mark.text == ")" and still_open:
                opening = still_open.pop()
                pairs[opening], pairs[start + mark.column] = start + mark.column, opening
    for at in (cursor, cursor - 1):
        if at in pairs:
            return at, pairs[at]
    return None
