"""How large a text or a list can become: a loop that doubles one is an error, and not a full memory.

Whoever makes a larger value out of others asks here before making it.
"""

from __future__ import annotations

from spnl.errors import ProgramError
from spnl.source import Span

MAX_TEXT = 256 * 1024 * 1024
"""Characters in one text: as many as the largest file that becomes one has bytes."""

MAX_ITEMS = 10_000_000
"""Items in one list that is made of others, and leaves in one query whose text is asked for."""

MAX_COPIES = 1_000_000
"""Copies that one `repeat` makes, and replies that are drawn at once."""


def check_text(length: int, span: Span | None) -> None:
    """`ProgramError` `too-large` for a text of more characters than one can have."""
    if length > MAX_TEXT:
        _refuse("text", f"{length:,} characters", f"{MAX_TEXT:,}", span)


def check_items(count: int, span: Span | None) -> None:
    """`ProgramError` `too-large` for a list of more items than one can have."""
    if count > MAX_ITEMS:
        _refuse("list", f"{count:,} items", f"{MAX_ITEMS:,}", span)


def check_copies(count: int, span: Span | None) -> None:
    """`ProgramError` `too-large` for more copies than can be made at once."""
    if count > MAX_COPIES:
        raise ProgramError(
            "too-large", f"{count} copies are too many", span=span, notes=(f"the most are {MAX_COPIES}",)
        )


def _refuse(what: str, size: str, most: str, span: Span | None) -> None:
    raise ProgramError(
        "too-large",
        f"a {what} of {size} is too large",
        span=span,
        notes=(f"the largest has {most}",),
        helps=(f"see whether a loop or a recursion makes the {what} twice as large at each step",),
    )
