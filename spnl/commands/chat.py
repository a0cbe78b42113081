"""`spnl chat`: a session that is for talk with a model."""

from __future__ import annotations

import click

from spnl.commands.options import (
    LoadingOptions,
    NoticeOptions,
    loading_options,
    notice_options,
    offline_option,
)
from spnl.commands.repl import start


@click.command()
@click.argument("model", required=False, metavar="[MODEL]")
@click.option("--system", metavar="TEXT", help="Tell the model how to behave.")
@loading_options
@offline_option
@notice_options
def command(
    model: str | None, system: str | None, loading: LoadingOptions, offline: bool, notices: NoticeOptions
) -> None:
    """Talk with a model; the conversation is kept, and :show prints it as a program.

    All of `spnl repl` works here, too: code, and the commands that :help lists.

    \b
    spnl chat
    spnl chat Qwen/Qwen3-1.7B-GGUF --system "You are terse."
    """
    start(notices, loading, model=model, system=system, offline=offline)
