"""`spnl run`: a program's text to its answer on stdout."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any

import click

from spnl.api import run
from spnl.backends.mistralrs.settings import read_settings
from spnl.commands.loading import query_of
from spnl.commands.options import definitions_option, program_argument, program_text_option
from spnl.commands.source import program_source
from spnl.console import Console, TextAnswer
from spnl.teller import Teller

if TYPE_CHECKING:
    from spnl.output_file import OutputFile

OUTPUTS = ("text", "json", "jsonl", "nul")


class Temperature(click.ParamType[float]):
    """A finite number, at least 0."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and number >= 0):
            self.fail(f"{value!r} is not a number, at least 0")
        return number


@click.command()
@program_argument
@program_text_option
@click.option("-f", "--file", "file", metavar="FILE", help="The program's file (the same as FILE).")
@definitions_option
@click.option("-m", "--model", metavar="NAME", help="Use this model in place of every one the program names.")
@click.option("--temperature", type=Temperature(), help="Replace every temperature; 0 takes the likeliest.")
@click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Replace every max-tokens.")
@click.option("--think/--no-think", default=None, help="Let thinking models think, or not.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour the output."
)
@click.option("--no-stream", is_flag=True, help="Write the answer at the end, not while it is made.")
@click.option(
    "--output", "form", type=click.Choice(OUTPUTS), default="text", help="How the answer is written."
)
@click.option("-o", "target", metavar="FILE", help="Write the answer to a file, whole or not at all.")
@click.option("-q", "--quiet", is_flag=True, help="No notices on stderr.")
@click.option("-v", "--verbose", count=True, help="Say what happens; -vv shows prompts.")
@click.option("--debug", is_flag=True, help="Show what the engine said beyond an error's first line.")
def command(
    program: str | None,
    text: str | None,
    file: str | None,
    definitions: tuple[tuple[str, str], ...],
    model: str | None,
    temperature: float | None,
    max_tokens: int | None,
    think: bool | None,
    color: Any,
    no_stream: bool,
    form: str,
    target: str | None,
    quiet: bool,
    verbose: int,
    debug: bool,
) -> None:
    """Run a program and write its answer to stdout.

    The program is FILE, the text after -c, or what comes through a pipe (FILE is `-` or left out). A FILE
    that ends in .json or .yaml holds a query as upstream's spnl writes it.

    \b
    spnl run program.spnl
    spnl -c '(g "What is the capital of France?" (temperature 0))'
    spnl program.spnl -D country=Italy --model ./model.gguf -o answer.txt
    """
    settings = read_settings(os.environ)
    source = program_source(program, text, file)
    query = query_of(source, dict(definitions))
    console = Console(color, quiet=quiet)
    file_out = _output_file(target) if target is not None else None
    console.keep_stdout_to_ourselves()
    live = not (no_stream or settings.no_stream)
    output = _answer_writer(console, form, file_out, live)
    teller = Teller(console, verbose)
    try:
        run(
            query,
            model=model,
            temperature=temperature,
            max_tokens=max_tokens,
            think=think,
            output=output,
            observer=teller,
        )
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


def _answer_writer(console: Console, form: str, file: OutputFile | None, live: bool) -> Any:
    """What writes the answer: as text or records, to stdout or to a file."""
    stream = console.stdout if file is None else file
    if form != "text":
        from spnl.records import RecordAnswer

        return RecordAnswer(stream, form)
    terminal = console.stdout_is_terminal and file is None
    colored = console.stdout_color if live and file is None else console.color == "always"
    return TextAnswer(stream, color=colored, terminal=terminal, live=live)
