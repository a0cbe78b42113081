"""Starting a session: which keyboard, which model, and what is said first."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from typing import TextIO

from spnl.config import read_config
from spnl.console import Console
from spnl.executor.options import DEFAULT_MODEL
from spnl.fetch_display import FetchDisplay
from spnl.repl.recovery import SessionFile, last_lost, sessions_folder
from spnl.repl.session import Session
from spnl.settings import Settings
from spnl.version import __version__


def run_session(
    console: Console,
    settings: Settings,
    *,
    model: str | None = None,
    system: str | None = None,
    verbose: int = 0,
    debug: bool = False,
    offline: bool = False,
) -> None:
    """Run a session until the person ends it. `model` fills in what names none; `system` is for talk.

    `settings` say how models are loaded. Those that are not on this machine are fetched, but not with
    `offline`.
    """
    from spnl.backends.pool import POOL

    stdin = _stdin()
    terminal = can_edit(console, stdin, os.environ)
    folder = sessions_folder(os.environ)
    session = Session(
        console,
        POOL,
        models=POOL.with_settings(settings).supplied(FetchDisplay(console), offline=offline),
        model=model or os.environ.get("SPNL_MODEL") or read_config(os.environ).model or DEFAULT_MODEL,
        file=SessionFile(folder) if stdin.isatty() else None,
        verbose=verbose,
        debug=debug,
    )
    if system:
        session.enter(f":system {system}")
    if stdin.isatty():
        _greet(session)
    if terminal:
        from spnl.repl.keyboard import run_keyboard

        run_keyboard(session)
    else:
        from spnl.repl.lines import run_lines

        run_lines(session, stdin)
    session.close()


def can_edit(console: Console, stdin: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the terminal can do what editing needs; Emacs' comint edits by itself."""
    return (
        stdin.isatty()
        and console.stdout_is_terminal
        and not console.plain
        and environ.get("TERM", "dumb" if os.name != "nt" else "") not in ("dumb", "unknown")
        and "comint" not in environ.get("INSIDE_EMACS", "")
    )


def _stdin() -> TextIO:
    return sys.stdin if sys.stdin is not None else io.StringIO()


def _greet(session: Session) -> None:
    console = session.console
    if console.quiet:
        return
    console.say_safely(f"spnl {__version__} with the model {session.model}. :help says what can be typed.")
    if session.model == DEFAULT_MODEL:
        console.notice("`tiny` is for demonstrations and tests: choose another with :model NAME")
    lost = last_lost(sessions_folder(os.environ))
    if lost is not None:
        if lost.is_recent():
            console.notice("the last session was killed: :restore brings it back")
        lost.close(remove=False)
