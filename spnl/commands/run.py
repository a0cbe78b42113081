"""`spnl run`: a program's text to its answer on stdout."""

from __future__ import annotations

import click

from spnl.commands.loading import query_of
from spnl.commands.options import (
    AnswerOptions,
    ExecutionOptions,
    FetchOptions,
    KeepOptions,
    LoadingOptions,
    NoticeOptions,
    Overrides,
    ProgramOptions,
    answer_options,
    execution_options,
    fetch_options,
    keep_options,
    loading_options,
    notice_options,
    overrides,
    program_options,
)
from spnl.commands.performing import perform
from spnl.commands.source import program_source
from spnl.commands.timing_options import TimingOptions, timing_options
from spnl.errors import UsageError


@click.command()
@program_options
@overrides
@fetch_options
@click.option("--locked", is_flag=True, help="The same as --lock FILE.lock.")
@execution_options
@keep_options
@loading_options
@timing_options
@answer_options
@notice_options
def command(
    given: ProgramOptions,
    overrides: Overrides,
    fetching: FetchOptions,
    locked: bool,
    execution: ExecutionOptions,
    keep: KeepOptions,
    loading: LoadingOptions,
    timing: TimingOptions,
    answer: AnswerOptions,
    notices: NoticeOptions,
) -> int:
    """Run a program and write its answer to stdout.

    The program is FILE, the text after -c, or what comes through a pipe (FILE is `-` or left out). A FILE
    that ends in .json or .yaml holds a query as upstream's spnl writes it.

    \b
    spnl run program.spnl
    spnl -c '(g "What is the capital of France?" (temperature 0))'
    spnl program.spnl -D country=Italy --model ./model.gguf -o answer.txt
    """
    return perform(
        lambda: query_of(program_source(given.program, given.text, given.file), dict(given.definitions)),
        (overrides, fetching.but(lock=_beside(given)) if locked else fetching, execution, keep),
        loading,
        timing,
        answer,
        notices,
        given.program if given.program is not None else given.file,
    )


def _beside(given: ProgramOptions) -> str:
    """The lock beside the program's file."""
    path = given.program if given.program is not None else given.file
    if path is None or path == "-":
        raise UsageError(
            "bad-option", "--locked needs the program's FILE", helps=("name the lock: --lock LOCK",)
        )
    from spnl.models.lock import lock_path

    return lock_path(path)
