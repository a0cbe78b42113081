"""How wide text is on a terminal, in columns. Imports nothing of this project."""

from __future__ import annotations

import unicodedata


def columns(text: str) -> int:
    """How many columns a text takes: none, one or two for each character."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def fitted(text: str, width: int) -> str:
    """`text` where it is at most `width` columns wide, else as much of it as fits, and an ellipsis."""
    if columns(text) <= width:
        return text
    room = width - 1
    end = 0
    for character in text:
        room -= _columns_of(character)
        if room < 0:
            break
        end += 1
    return text[:end] + "…" if width > 0 else ""


def _columns_of(character: str) -> int:
    if unicodedata.east_asian_width(character) in "WF":
        return 2
    return 0 if unicodedata.category(character) in ("Mn", "Me", "Cf") else 1
