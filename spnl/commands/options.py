"""Arguments and options that several commands share.

Options that belong together are a group: a command takes the group, and is given one record of their values.

    @click.command()
    @overrides
    def command(overrides: Overrides) -> None: ...
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, get_args

import click

from spnl.commands.parameters import TEMPERATURE, Definition, FileName, ModelName
from spnl.frozen import Frozen

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class OptionGroup:
    """Options whose values a command gets as one record: the parameter `name`, of the type `record`.

    The options' own names are the record's fields.
    """

    def __init__(self, name: str, record: type[Frozen], *options: Decorator) -> None:
        self.name = name
        self.record = record
        self._options = options

    def __call__(self, command: Callable[..., Any]) -> Callable[..., Any]:
        """Give a command the options of the group, and their values as the record."""

        @wraps(command)
        def with_record(**values: Any) -> Any:
            fields = {field: values.pop(field) for field in self.record._fields}
            return command(**{self.name: self.record(**fields)}, **values)

        function: Callable[..., Any] = with_record
        for option in reversed(self._options):
            function = option(function)
        return function


program_argument = click.argument("program", required=False, metavar="[FILE]", type=FileName())
program_text_option = click.option("-c", "text", metavar="TEXT", help="The program itself.")
definitions_option = click.option(
    "-D", "definitions", type=Definition(), multiple=True, help='Give the program a text: (arg "name").'
)


class ProgramOptions(Frozen):
    """What names the program that a command runs, and what the program is given."""

    program: str | None
    text: str | None
    file: str | None
    definitions: tuple[tuple[str, str], ...]


program_options = OptionGroup(
    "given",
    ProgramOptions,
    program_argument,
    program_text_option,
    click.option(
        "-f", "--file", "file", metavar="FILE", type=FileName(), help="The program's file (the same as FILE)."
    ),
    definitions_option,
)


class Overrides(Frozen):
    """What replaces what every generation of a program says; None replaces nothing."""

    model: str | None
    temperature: float | None
    max_tokens: int | None
    think: bool | None


overrides = OptionGroup(
    "overrides",
    Overrides,
    click.option(
        "-m",
        "--model",
        metavar="NAME",
        type=ModelName(),
        help="Use this model in place of every one the program names.",
    ),
    click.option("--temperature", type=TEMPERATURE, help="Replace every temperature; 0 takes the likeliest."),
    click.option("--max-tokens", type=click.IntRange(min=1), metavar="N", help="Replace every max-tokens."),
    click.option("--think/--no-think", default=None, help="Let thinking models think, or not."),
)

AnswerForm = Literal["text", "json", "jsonl", "nul"]


class AnswerOptions(Frozen):
    """How and where a program's answer is written. `target` is a file, None for stdout."""

    no_stream: bool
    form: AnswerForm
    target: str | None


answer_options = OptionGroup(
    "answer",
    AnswerOptions,
    click.option("--no-stream", is_flag=True, help="Write the answer at the end, not while it is made."),
    click.option(
        "--output",
        "form",
        type=click.Choice(get_args(AnswerForm)),
        default="text",
        help="How the answer is written.",
    ),
    click.option(
        "-o",
        "target",
        metavar="FILE",
        type=FileName(),
        help="Write the answer to a file, whole or not at all.",
    ),
)


class NoticeOptions(Frozen):
    """What is said on stderr, and in which colours. `debug` is read where errors are drawn."""

    color: Literal["auto", "always", "never"]
    quiet: bool
    verbose: int
    debug: bool


notice_options = OptionGroup(
    "notices",
    NoticeOptions,
    click.option(
        "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour the output."
    ),
    click.option("-q", "--quiet", is_flag=True, help="No notices on stderr."),
    click.option("-v", "--verbose", count=True, help="Say what happens; -vv shows prompts."),
    click.option("--debug", is_flag=True, help="Show what the engine said beyond an error's first line."),
)


class KeepOptions(Frozen):
    """Where finished replies are kept, and found again."""

    journal: str | None
    cache: bool


keep_options = OptionGroup(
    "keep",
    KeepOptions,
    click.option(
        "--journal",
        type=FileName(),
        metavar="FILE",
        help="Add every finished reply to a file, and continue from it after an interruption.",
    ),
    click.option("--cache", is_flag=True, help="Keep replies for all programs, and reuse what is kept."),
)
