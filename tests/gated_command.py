"""The command with a scripted model, as a process of its own whose model waits for its test.

The model says what it is asked, cut at each `|`; before every piece but the first it waits for a byte on file
descriptor GATE.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from scripted import ScriptedEngine, ScriptedModels, echo

from spnl.backends import pool
from spnl.backends.base import Request
from spnl.cli import main
from spnl.errors import GenerationError


def script(request: Request) -> Iterator[str]:
    """Say a piece for each byte of the gate; fail where it is closed."""
    first, *others = echo(request).split("|")
    yield first
    for piece in others:
        if not os.read(int(os.environ["GATE"]), 1):
            raise GenerationError("engine-failed", "the gate was closed")
        yield piece


pool.POOL = ScriptedModels(ScriptedEngine(script))  # type: ignore[assignment]
main()
