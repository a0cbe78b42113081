"""`spnl lock`: writes down which files the models of a program are."""

from __future__ import annotations

import os
from collections.abc import Mapping

import click

from spnl.checker import check
from spnl.codec import format_of
from spnl.commands.files import refuse_same_file
from spnl.commands.loading import query_of
from spnl.commands.options import NoticeOptions, definitions_option, notice_options, offline_option
from spnl.commands.parameters import FileName, ModelName
from spnl.commands.source import program_source
from spnl.config import read_config
from spnl.console import Console
from spnl.executor.options import Resolver, RunOptions
from spnl.fetch_display import FetchDisplay
from spnl.models.lock import lock_path, lock_text
from spnl.models.pinning import lock_models
from spnl.output_file import OutputFile
from spnl.query import Generate, Map, distinct_nodes


@click.command()
@click.argument("program", metavar="FILE", type=FileName())
@definitions_option
@click.option(
    "-m",
    "--model",
    metavar="NAME",
    type=ModelName(),
    help="Lock this model in place of every one the program names.",
)
@click.option(
    "--also",
    multiple=True,
    metavar="NAME",
    type=ModelName(),
    help="Lock this model too, which the program names only while it runs.",
)
@click.option("-o", "target", metavar="LOCK", type=FileName(), help="Write the lock here (FILE.lock).")
@offline_option
@notice_options
def command(
    program: str,
    definitions: tuple[tuple[str, str], ...],
    model: str | None,
    also: tuple[str, ...],
    target: str | None,
    offline: bool,
    notices: NoticeOptions,
) -> None:
    """Write down which files the models of a program are, so that --locked refuses all others.

    Every model that FILE names is found, or fetched, and its repository, commit, files, sizes and SHA-256
    are written to FILE.lock, whole or not at all. `spnl run --locked FILE` then runs with these, no others.

    \b
    spnl lock capital.spnl
    spnl run --locked capital.spnl
    spnl pull --lock capital.spnl.lock
    """
    console = Console(notices.color, quiet=notices.quiet, plain=notices.plain)
    names = [model] if model is not None else _models_of(program, dict(definitions), console)
    path = target or lock_path(program)
    refuse_same_file(the_program=program, the_lock=path)
    file = OutputFile(path)
    lock = lock_models((*names, *also), path, os.environ, FetchDisplay(console), offline=offline)
    file.write(lock_text(lock).encode())
    file.commit()
    for server in lock.servers:
        console.notice(f"{server} runs on a server: which model that is, cannot be locked")
    count = len(lock.models)
    console.notice(f"{path} holds {count} {'model' if count == 1 else 'models'}")


def _models_of(program: str, arguments: Mapping[str, str], console: Console) -> list[str]:
    """The names of the models that a run of a file may use, also in parts that it may not reach."""
    source = program_source(program)
    if format_of(source.name) == "spnl":
        findings = check(source, arguments)
        if findings.errors:
            raise findings.errors[0]
        names = list(findings.models)
    else:
        nodes = distinct_nodes(query_of(source, arguments))
        names = [node.model for node in nodes if isinstance(node, (Generate, Map))]
    default = os.environ.get("SPNL_MODEL") or read_config(os.environ).model
    resolver = Resolver(RunOptions(default_model=default), console.notice)
    return [resolver.model(name) for name in names]
