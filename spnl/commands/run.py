"""`spnl run`: a program's text to its answer on stdout."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from spnl.api import run
from spnl.commands.loading import query_of
from spnl.commands.options import (
    AnswerForm,
    AnswerOptions,
    NoticeOptions,
    Overrides,
    ProgramOptions,
    answer_options,
    notice_options,
    overrides,
    program_options,
)
from spnl.commands.source import program_source
from spnl.config import read_config
from spnl.console import Console, TextAnswer
from spnl.settings import read_settings
from spnl.teller import Teller

if TYPE_CHECKING:
    from spnl.output_file import OutputFile


@click.command()
@program_options
@overrides
@answer_options
@notice_options
def command(
    given: ProgramOptions, overrides: Overrides, answer: AnswerOptions, notices: NoticeOptions
) -> None:
    """Run a program and write its answer to stdout.

    The program is FILE, the text after -c, or what comes through a pipe (FILE is `-` or left out). A FILE
    that ends in .json or .yaml holds a query as upstream's spnl writes it.

    \b
    spnl run program.spnl
    spnl -c '(g "What is the capital of France?" (temperature 0))'
    spnl program.spnl -D country=Italy --model ./model.gguf -o answer.txt
    """
    settings = read_settings(os.environ, read_config(os.environ).mistralrs)
    source = program_source(given.program, given.text, given.file)
    query = query_of(source, dict(given.definitions))
    console = Console(notices.color, quiet=notices.quiet)
    file_out = _output_file(answer.target) if answer.target is not None else None
    console.keep_stdout_to_ourselves()
    live = not (answer.no_stream or settings.no_stream)
    output = _answer_writer(console, answer.form, file_out, live)
    teller = Teller(console, notices.verbose)
    try:
        run(query, **overrides.as_dict(), output=output, observer=teller)
    except BaseException:
        output.abandon()
        raise
    output.finish()
    if file_out is not None:
        file_out.commit()
    teller.finish()


def _output_file(target: str) -> OutputFile:
    from spnl.output_file import OutputFile

    return OutputFile(target)


def _answer_writer(console: Console, form: AnswerForm, file: OutputFile | None, live: bool) -> Any:
    """What writes the answer: as text or records, to stdout or to a file."""
    stream = console.stdout if file is None else file
    if form != "text":
        from spnl.records import RecordAnswer

        return RecordAnswer(stream, form)
    terminal = console.stdout_is_terminal and file is None
    colored = console.stdout_color if live and file is None else console.color == "always"
    return TextAnswer(stream, color=colored, terminal=terminal, live=live)
