"""`spnl rm`: removes models from the Hugging Face cache."""

from __future__ import annotations

import os
import sys

import click

from spnl.commands.parameters import ModelName
from spnl.commands.showing import put
from spnl.config import read_config
from spnl.console import Console
from spnl.errors import ModelError, UsageError
from spnl.models.files import size_of
from spnl.models.names import HERE
from spnl.models.naming import resolve_model
from spnl.models.removal import Removal, plan_removal, remove, size_of_removal


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL…", type=ModelName())
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def command(models: tuple[str, ...], yes: bool) -> None:
    """Remove models from the Hugging Face cache, and say what that freed.

    MODEL is a name as programs use it. A repository alone means all that the cache has of it; with a
    quantisation, a file or a revision, only that goes, and what other revisions share with it stays. The
    bundled model, paths, and models in other folders are not removed.

    \b
    spnl rm Qwen/Qwen3-1.7B-GGUF:Q8_0
    spnl rm --yes qwen3:0.6b org/repo@v1
    """
    removals = [plan_removal(_name_here(model), os.environ) for model in models]
    if not yes and not _agreed(removals):
        put("nothing was removed")
        return
    for removal in removals:
        put(f"removed {removal.name}: {size_of(remove(removal))} freed")


def _name_here(model: str) -> str:
    """A model's name on this machine. Raises `ModelError` where it is a server's."""
    name = resolve_model(model, read_config(os.environ))
    if name.backend != HERE:
        raise ModelError(
            "no-backend",
            f"{model} is a model of a server: there is nothing to remove",
            helps=("models that run on this machine are named `mistralrs/…`",),
        )
    return name.rest


def _agreed(removals: list[Removal]) -> bool:
    """Ask the person at the terminal. Raises `UsageError` where there is nobody."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "nobody-agreed", "removing models has to be agreed to", helps=("add `--yes`, or use a terminal",)
        )
    console = Console()
    for removal in removals:
        console.say_safely(f"{removal.name}: {size_of(size_of_removal(removal))} in {removal.folder}")
    console.put("remove this? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")
