"""`spnl pull`: fetches models from the hub, and does nothing else."""

from __future__ import annotations

import os

import click

from spnl.backends.supply import pull
from spnl.commands.options import NoticeOptions, notice_options
from spnl.commands.showing import put
from spnl.config import read_config
from spnl.console import Console
from spnl.errors import ModelError
from spnl.fetch_display import FetchDisplay
from spnl.models.names import HERE
from spnl.models.naming import resolve_model


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL…")
@notice_options
def command(models: tuple[str, ...], notices: NoticeOptions) -> None:
    """Fetch models from the hub into the Hugging Face cache, and write where they are.

    MODEL is a name as programs use it. Of a repository, only the files that are needed are fetched. What was
    interrupted is continued; what is here already is compared with what the hub lists, and fetched again
    where it is damaged.

    \b
    spnl pull Qwen/Qwen3-1.7B-GGUF
    spnl pull Qwen/Qwen3-1.7B-GGUF:Q8_0 org/repo@v2
    """
    display = FetchDisplay(Console(notices.color, quiet=notices.quiet))
    for model in models:
        name = resolve_model(model, read_config(os.environ))
        if name.backend != HERE:
            raise ModelError(
                "no-backend",
                f"{model} is a model of a server: there is nothing to fetch",
                helps=("models that run on this machine are named `mistralrs/…`",),
            )
        put("\n".join(map(str, pull(name.rest, os.environ, display))))
