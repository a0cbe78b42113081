"""The command with a model that says whatever could change a terminal.

What it is asked decides: `think` thinks it as well, `fail` fails with it, `break` is a bug of ours with it,
`flood` says a megabyte without a newline; anything else says it, a character at a time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from scripted import ScriptedEngine, ScriptedModels, echo

from spnl.backends import pool
from spnl.backends.base import Chunk, Request
from spnl.cli import main
from spnl.errors import GenerationError

COMMAND = [sys.executable, os.path.abspath(__file__)]
"""The command line of a process that runs it."""

SEQUENCES = (
    "\x1b]52;c;aGFja2Vk\x07",  # sets the clipboard
    "\x1b]0;stolen title\x1b\\",
    "\x1b]8;;http://example.com\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[31;44;7m",
    "\x1b[?25l",  # hides the cursor
    "\x1b[?1049h\x1b[?1000h\x1b[?2004h\x1b[4h\x1b[20h\x1b[?7l\x1b[?5h\x1b[?6h",  # modes
    "\x1b[5;17r",  # a scrolling region
    "\x1b[7;3H\x1b[9A\x1b[2J\x1b[3J\x1b[1;1f",
    "\x1b(0\x0e\x1b)0\x1b%@",  # other characters
    "\x1b7\x1bH\x1bD\x1bM\x1bc\x1b8\x1b[s\x1b[u\x1b[3g",
    "\x1b[6n\x1b[c\x1bZ\x05",  # questions, whose answers would be typed
    '\x1bP$q"p\x1b\\\x1b_x\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\',
    "\x9b31m\x9d52;c;aGFja2Vk\x9c\x90q\x9c\x85\x84\x8d",
    "left\u202eright\u2066x\u200f\u061c",
    "\ud800 \udfff \udc9b31m",  # halves of characters: bytes that were no UTF-8
)

CONTROLS = "".join(map(chr, [*range(0x20), 0x7F, *range(0x80, 0xA0)]))

HOSTILE = CONTROLS + " ".join(SEQUENCES) + " | end"

FLOOD = "x\u65e5" * 500_000


def script(request: Request) -> Iterator[Chunk]:
    """Say it."""
    asked = echo(request)
    if asked.startswith("fail"):
        raise GenerationError("engine-failed", f"it broke: {HOSTILE}", detail=HOSTILE)
    if asked.startswith("break"):
        raise RuntimeError(HOSTILE)
    if asked.startswith("flood"):
        yield Chunk(text=FLOOD)
        return
    if asked.startswith("think"):
        yield from [Chunk(thought=character) for character in HOSTILE]
    yield from [Chunk(text=character) for character in HOSTILE]


if __name__ == "__main__":
    pool.POOL = ScriptedModels(ScriptedEngine(script))  # type: ignore[assignment]
    main()
