"""What a person typed: code, a command or a message, and whether it is complete.

Imports the reader, which decides whether code is complete.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Literal

from spnl.errors import IncompleteError, ReadError
from spnl.reader import read
from spnl.source import Source

Kind = Literal["nothing", "code", "command", "message"]

COMMAND = ":"
_CODE = ("(", '"', "#", ";")


def kind_of(text: str, bound: Container[str], chat: bool) -> Kind:
    """What an entry is. `bound` are the names that have a value; without `chat` there are no messages."""
    text = text.strip()
    if not text:
        return "nothing"
    if text.startswith(COMMAND):
        return "command"
    if text.startswith(_CODE) or text in bound:
        return "code"
    return "message" if chat else "code"


def is_complete(text: str, chat: bool) -> bool:
    """Whether an entry can be taken as it is; code that only lacks its end cannot."""
    if kind_of(text, (), chat) != "code":
        return True
    try:
        read(Source("<entry>", text))
    except IncompleteError:
        return False
    except ReadError:
        return True
    return True
