"""How deep a program's functions call each other, and how deep Python may recurse meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from spnl.errors import ProgramError
from spnl.source import Span

MAX_CALLS = 1_000
"""How deep functions may call each other, in expanding and running together."""

_SHOWN_CALLS = 3
"""How many of the last calls the error shows."""

_STACK_FRAMES = 100_000
"""Python frames that expanding may use: enough for `MAX_CALLS` of ordinary functions."""


class Trace(NamedTuple):
    """The function calls that led here: the innermost first."""

    function: str
    span: Span
    outer: Trace | None
    depth: int


def enter(function: str, span: Span, outer: Trace | None) -> Trace:
    """One call deeper; at `MAX_CALLS`, the error that shows the last of them."""
    trace = Trace(function, span, outer, outer.depth + 1 if outer is not None else 1)
    if trace.depth <= MAX_CALLS:
        return trace
    notes: list[str] = []
    frame: Trace | None = trace
    while frame is not None and len(notes) < _SHOWN_CALLS:
        notes.append(f"called `{frame.function}` at {frame.span}")
        frame = frame.outer
    raise ProgramError(
        "too-deep",
        f"`{function}` is more than {MAX_CALLS} calls deep",
        span=span,
        notes=notes,
        helps=("make sure that the recursion ends: test for its last case first",),
    )


@contextmanager
def deep_recursion(span: Span | None) -> Iterator[None]:
    """Let Python recurse as deep as programs may; a program that goes deeper is its own error, at `span`."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, _STACK_FRAMES))
    try:
        yield
    except RecursionError:
        raise ProgramError(
            "too-deep",
            "this program calls itself too deeply",
            span=span,
            helps=("make sure that every recursion ends",),
        ) from None
    finally:
        sys.setrecursionlimit(before)
