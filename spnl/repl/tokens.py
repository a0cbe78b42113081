"""The tokens of what is being typed, line by line: only lines that were changed are lexed again.

Everything that the keyboard shows about a place in an entry (colours, the matching parenthesis, the form
around the cursor, how far to indent) is read from here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from spnl.lexer import SpnlLexer

START = ("root",)
MOST_CACHED = 20_000
"""How many lines are remembered."""


class Mark(NamedTuple):
    """A parenthesis or an atom: the column where it begins, and its text."""

    column: int
    text: str


class Line(NamedTuple):
    """One line: its tokens as (kind, text), its parentheses and atoms, the states before and after it."""

    tokens: list[tuple[Any, str]]
    marks: list[Mark]
    before: tuple[str, ...]
    after: tuple[str, ...]


class TokenLines:
    """Lexes texts, and remembers lines that it has lexed."""

    def __init__(self) -> None:
        self._lexer = SpnlLexer()
        self._known: dict[tuple[str, tuple[str, ...]], Line] = {}

    def lines(self, text: str) -> list[Line]:
        """The lines of a text."""
        states: tuple[str, ...] = START
        found: list[Line] = []
        for text_of_line in text.split("\n"):
            line = self.line(text_of_line, states)
            found.append(line)
            states = line.after
        return found

    def line(self, text: str, states: tuple[str, ...]) -> Line:
        """One line, which begins in some states."""
        key = (text, states)
        line = self._known.get(key)
        if line is None:
            if len(self._known) >= MOST_CACHED:
                self._known.clear()
            tokens, after = self._lexer.line_tokens(f"{text}\n", states)
            line = self._known[key] = Line(tokens, _marks(tokens), states, after)
        return line


def _marks(tokens: list[tuple[Any, str]]) -> list[Mark]:
    """The parentheses of a line, and where each of its atoms begins; a text is one atom."""
    from pygments.token import Comment, Punctuation, String, Whitespace  # type: ignore[import-untyped]

    marks: list[Mark] = []
    column, in_text = 0, False
    for kind, text in tokens:
        is_text = kind in String
        if kind is Punctuation:
            marks.extend(Mark(column + index, character) for index, character in enumerate(text))
        elif kind not in Whitespace and kind not in Comment and not (is_text and in_text):
            marks.append(Mark(column, text))
        in_text = is_text and not (in_text and text in ('"', '"""'))
        column += len(text)
    return marks
