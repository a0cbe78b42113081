"""`spnl repl`: a session at the keyboard."""

from __future__ import annotations

import click

from spnl.commands.options import (
    LoadingOptions,
    NoticeOptions,
    loading_options,
    notice_options,
    offline_option,
)
from spnl.console import Console


@click.command()
@click.option("-m", "--model", metavar="NAME", help="Use this model where a program names none.")
@loading_options
@offline_option
@notice_options
def command(model: str | None, loading: LoadingOptions, offline: bool, notices: NoticeOptions) -> None:
    """Type programs and messages to a model, one after another (`spnl` alone does it, too).

    What begins with ( " # or ; is code, what begins with : is a command, and anything else is said to the
    model. Definitions and loaded models last. :help lists the commands, and Ctrl-D ends it.

    Without a terminal, entries are read from stdin line by line, and only answers go to stdout.

    \b
    spnl repl
    spnl repl --model ./model.gguf
    """
    start(notices, loading, model=model, offline=offline)


def start(
    notices: NoticeOptions,
    loading: LoadingOptions,
    *,
    model: str | None,
    system: str | None = None,
    offline: bool,
) -> None:
    """Run a session as these options say."""
    from spnl.repl.start import run_session

    settings = loading.settings()
    console = Console(notices.color, quiet=notices.quiet, plain=notices.plain)
    console.keep_stdout_to_ourselves()
    run_session(
        console,
        settings,
        model=model,
        system=system,
        verbose=notices.verbose,
        debug=notices.debug,
        offline=offline,
    )
