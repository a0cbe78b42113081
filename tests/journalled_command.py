"""The command with a scripted model that takes its time, as a process of its own that its test kills.

The model says what it is asked and a number made of that, in two pieces. Before, it notes what it is asked
in the file ASKED.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from zlib import crc32

from scripted import ScriptedEngine, ScriptedModels, echo

from spnl.backends import pool
from spnl.backends.base import Request
from spnl.cli import main

SECONDS = 0.001
"""How long the model takes for a piece, so that a process is killed in the middle of its work."""


def script(request: Request) -> Iterator[str]:
    """Note the input, and say it with its number."""
    text = echo(request)
    os.write(ASKED, f"{text}\n".encode())
    time.sleep(SECONDS)
    yield text
    time.sleep(SECONDS)
    yield f" {crc32(text.encode())}"


ASKED = os.open(os.environ["ASKED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
pool.POOL = ScriptedModels(ScriptedEngine(script, parallel=3))  # type: ignore[assignment]
main()
