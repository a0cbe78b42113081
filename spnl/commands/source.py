"""Where the program of a command comes from: a file, the command line, or a pipe."""

from __future__ import annotations

import sys

from spnl.errors import UsageError
from spnl.source import Source

STDIN = "<stdin>"
"""What messages call a program that came through a pipe."""


def program_source(program: str | None, text: str | None = None, file: str | None = None) -> Source:
    """The program's text, from wherever the command line says it is."""
    if sum(given is not None for given in (program, text, file)) > 1:
        raise UsageError(
            "bad-option", "the program is given twice", helps=("give either -c TEXT or one FILE",)
        )
    if text is not None:
        return Source("-c", text)
    path = program if program is not None else file
    if path is not None and path != "-":
        return Source.from_file(path)
    if sys.stdin is None:
        raise UsageError("bad-option", "there is no program", helps=("give a FILE, or -c TEXT",))
    return Source.from_bytes(STDIN, sys.stdin.buffer.read())
