"""How commands write to stdout: what they make of programs, and what they know, in people's units."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import BinaryIO

from spnl.visible import visible


def put(text: str, stream: BinaryIO | None = None) -> None:
    """Write lines to stdout; names of files and what they hold may have controls in them, which are shown.

    `stream` is what stands for stdout where that was set aside (`Console.keep_stdout_to_ourselves`).
    """
    stream = stream or sys.stdout.buffer
    shown = "\n".join(visible(line) for line in text.split("\n"))
    stream.write(shown.encode("utf-8", "replace") + b"\n")
    stream.flush()


def put_drawn(text: str) -> None:
    """Write what is safe to show already, and may have colours, to stdout."""
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()


def put_as_it_is(text: str) -> None:
    """Write what others wrote to stdout: unchanged through a pipe; on a terminal, controls are shown."""
    put_drawn(visible(text) if sys.stdout.isatty() else text)


def aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines in which columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def count_of(count: int) -> str:
    """A number of parameters, as in `1.7B`."""
    for unit, size in (("B", 1000**3), ("M", 1000**2), ("k", 1000)):
        if count >= size:
            return f"{count / size:.1f}{unit}"
    return str(count)
