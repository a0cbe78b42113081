"""Values that are read when they are needed: the text of a file, and the rows of a table.

Imports nothing of this project, and opens nothing itself: `spnl.files` and the forms make these. A lazy text
is a text, and a lazy list is a list, wherever a program can tell.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any


class Settled(tuple[Any, ...]):
    """A list in which nothing is pending, so that nobody needs to look through it to find out."""

    __slots__ = ()


class LazyText:
    """A text that is not read before it is needed. `name` is what messages call it: a file's path."""

    __slots__ = ("_text", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._text: str | None = None

    def read(self) -> str:
        """The whole text; it is read once."""
        if self._text is None:
            self._text = self._read()
        return self._text

    def lines(self) -> Iterator[str]:
        """The lines one after another, without their ends; no more is read than is asked for."""
        return iter(lines_of(self.read())) if self._text is not None else self._lines()

    def _read(self) -> str:
        raise NotImplementedError

    def _lines(self) -> Iterator[str]:
        raise NotImplementedError


class GivenText(LazyText):
    """A text that is there already, for forms that take either."""

    __slots__ = ()

    def __init__(self, text: str) -> None:
        super().__init__("this text")
        self._text = text


class LazyList:
    """A list whose items are made when they are asked for. Items that are made hold nothing pending."""

    __slots__ = ("_items", "_start")

    def __init__(self, start: Callable[[], Iterator[Any]]) -> None:
        self._start = start
        self._items: Settled | None = None

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items) if self._items is not None else self._start()

    def take(self, count: int) -> Settled:
        """The first items, at most `count`; the others are not made."""
        return Settled(islice(self, min(count, sys.maxsize)))

    def items(self) -> Settled:
        """All items; they are made once."""
        if self._items is None:
            self._items = Settled(self._start())
        return self._items


def lines_of(text: str) -> list[str]:
    """The lines of a text, without their ends. A newline at the end begins no further line."""
    lines = text.replace("\r\n", "\n").split("\n") if text else []
    if lines and not lines[-1]:
        lines.pop()
    return lines
