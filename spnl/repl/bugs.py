"""A bug of ours, in a session that goes on: what to report, and where the traceback is."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

from spnl.console import Console
from spnl.places import make_private, state_folder
from spnl.repl.private_files import open_private
from spnl.version import __version__


def report(console: Console, debug: bool) -> None:
    """Say that the exception being handled is our fault; its traceback goes to a file, with `debug` here."""
    text = traceback.format_exc()
    console.say(f"spnl {__version__}: this is a bug in spnl, not in your program. The session goes on.")
    path = None if debug else _write(text)
    if path is None:
        console.say_safely(text.rstrip("\n"))
        console.say("Please report it with the lines above and what you typed.")
    else:
        console.say_safely(f"Please report it with what you typed and with {path}")


def _write(text: str) -> str | None:
    """Keep the last traceback in the folder for state; where, or None if that cannot be."""
    folder = Path(state_folder(os.environ))
    try:
        make_private(str(folder))
        path = folder / "traceback.txt"
        with open(open_private(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError:
        return None
    return str(path)
