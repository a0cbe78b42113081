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


@click.command()
@program_options
@overrides
@fetch_options
@execution_options
@keep_options
@loading_options
@answer_options
@notice_options
def command(
    given: ProgramOptions,
    overrides: Overrides,
    fetching: FetchOptions,
    execution: ExecutionOptions,
    keep: KeepOptions,
    loading: LoadingOptions,
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
        overrides,
        loading,
        fetching,
        execution,
        keep,
        answer,
        notices,
    )
