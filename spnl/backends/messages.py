"""What no engine can be asked, whichever it is: checked before a request is made."""

from __future__ import annotations

import re

from spnl.errors import ProgramError

_LONE_SURROGATE = "[\ud800-\udfff]"


def check_messages(messages: tuple[tuple[str, str], ...]) -> None:
    """Refuse a prompt of no messages, and one with a text that is none: `ProgramError`."""
    if not messages:
        raise ProgramError("empty-input", "the input of this generation is empty")
    for _, text in messages:
        if not text.isascii() and (surrogate := re.search(_LONE_SURROGATE, text)):
            raise ProgramError(
                "bad-text",
                f"a message holds half of a character, U+{ord(surrogate[0]):04X}, at {surrogate.start()}",
                helps=("see where the text comes from: it was decoded wrongly",),
            )
