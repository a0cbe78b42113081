"""Text made safe to show: what a terminal would obey, or would hide, is spelt out.

Imports nothing of this project. Used for everything that others wrote: program text in errors, file names,
and what a model says.
"""

from __future__ import annotations

import re

UNSAFE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters, but for tab and newline
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # these change the direction of text
    "\xad\u180e\u200b\u2028\u2029\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb"  # invisible
    "\ud800-\udfff"  # halves of characters, which cannot be written as UTF-8
)
"""The characters that are not shown as they are, as the inside of a class of a regular expression.

Accents, joiners and variation selectors are not among them: scripts and emoji need those.
"""

_UNSAFE = f"[{UNSAFE}]"


def visible(text: str) -> str:
    """`text` with unsafe characters spelt out: `^[` for escape, `<U+202E>` for what is not ASCII."""
    return text if text.isprintable() else re.sub(_UNSAFE, _spelt, text)


def _spelt(match: re.Match[str]) -> str:
    code = ord(match[0])
    return "^" + chr(code ^ 0x40) if code < 0x80 else f"<U+{code:04X}>"
