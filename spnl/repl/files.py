"""A session and files: saved as a program, and written in an editor."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from spnl.errors import UsageError
from spnl.output_file import OutputFile
from spnl.repl.saving import session_program
from spnl.source import Source

if TYPE_CHECKING:
    from spnl.repl.session import Session


def save_session(session: Session, name: str) -> None:
    """Write the session's program to a file that is not there yet, and say where it would not run."""
    from spnl.checker import check

    path = os.path.expanduser(name)
    if os.path.lexists(path):
        raise UsageError("bad-output", f"{name} is there already", helps=("name a file that is not",))
    text = session_program(session.state, session.model)
    if not text:
        session.console.notice("there is nothing to save: no form was entered yet")
        return
    file = OutputFile(path)
    file.write(text.encode())
    file.commit()
    session.console.notice(f"saved {name}")
    errors = check(Source.from_file(path)).errors
    if errors:
        session.console.notice("the program cannot run as it stands:")
        session.draw(errors[0])


def edited(text: str, name: str | None) -> Source:
    """What the person makes of a text in their editor, or of the file `name`. `UsageError` without one."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    if name is not None:
        path = os.path.expanduser(name)
        _edit(command, path)
        return Source.from_file(path)
    descriptor, temporary = tempfile.mkstemp(suffix=".spnl", prefix="entry-")
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        _edit(command, temporary)
        return Source("<edit>", Path(temporary).read_text(encoding="utf-8"))
    finally:
        os.unlink(temporary)


def _edit(command: str, path: str) -> None:
    try:
        words = shlex.split(command)
        code = subprocess.run([*words, path], check=False).returncode
    except (OSError, ValueError) as error:
        raise UsageError(
            "bad-option",
            f"the editor `{command}` cannot be started: {error}",
            helps=("name one in the variable VISUAL or EDITOR",),
        ) from None
    if code:
        raise UsageError("bad-option", f"the editor `{command}` ended with {code}: nothing is run")
