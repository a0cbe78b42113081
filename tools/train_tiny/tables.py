"""Reads the tables of words and phrasings in the folder `texts`."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent / "texts"


@cache
def table(name: str) -> dict[str, Any]:
    """Return the table of a name."""
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def texts(name: str, key: str) -> tuple[str, ...]:
    """Return a list of texts of a table."""
    return tuple(table(name)[key])


def word_list(key: str) -> list[str]:
    """Return a list of single words of the table `words`."""
    words: str = table("words")[key]
    return words.split()
