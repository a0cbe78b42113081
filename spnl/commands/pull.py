"""`spnl pull`: fetches models from the hub, and does nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import click

from spnl.commands.options import NoticeOptions, lock_option, notice_options
from spnl.commands.parameters import ModelName
from spnl.commands.showing import put
from spnl.config import read_config
from spnl.console import Console
from spnl.errors import ModelError, UsageError
from spnl.fetch_display import FetchDisplay
from spnl.models.names import HERE
from spnl.models.naming import resolve_model
from spnl.models.obtaining import paths_of, pull


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]…", type=ModelName())
@lock_option
@notice_options
def command(models: tuple[str, ...], lock: str | None, notices: NoticeOptions) -> None:
    """Fetch models from the hub into the Hugging Face cache, and write where they are.

    MODEL is a name as programs use it. Of a repository, only the files that are needed are fetched. What was
    interrupted is continued; what is here already is compared with what the hub lists, and fetched again
    where it is damaged. With --lock, the models that a lock holds are fetched and checked, all of them where
    none is named.

    \b
    spnl pull Qwen/Qwen3-1.7B-GGUF
    spnl pull Qwen/Qwen3-1.7B-GGUF:Q8_0 org/repo@v2
    spnl pull --lock capital.spnl.lock
    """
    display = FetchDisplay(Console(notices.color, quiet=notices.quiet, plain=notices.plain))
    if lock is not None:
        _pull_locked(models, lock, display)
        return
    if not models:
        raise UsageError("bad-option", "there is no model to fetch", helps=("name it: spnl pull org/repo",))
    for model in models:
        name = resolve_model(model, read_config(os.environ))
        if name.backend != HERE:
            raise _of_server(model)
        _put_paths(pull(name.rest, os.environ, display))


def _pull_locked(models: tuple[str, ...], path: str, display: FetchDisplay) -> None:
    from spnl.models.lock import read_lock
    from spnl.models.pinning import obtain_locked

    lock = read_lock(path)
    for model in models or lock.models:
        name = resolve_model(obtain_locked(model, lock, os.environ, display), read_config(os.environ))
        if name.backend != HERE:
            raise _of_server(model)
        _put_paths(paths_of(name.rest))


def _put_paths(paths: tuple[Path, ...]) -> None:
    put("\n".join(map(str, paths)))


def _of_server(model: str) -> ModelError:
    return ModelError(
        "no-backend",
        f"{model} is a model of a server: there is nothing to fetch",
        helps=("models that run on this machine are named `mistralrs/…`",),
    )
