"""Arguments and options that several commands share.

Options that belong together are a group: a command takes the group, and is given one record of their values.

    @click.command()
    @overrides
    def command(overrides: Overrides) -> None: ...
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, Literal, get_args

import click

from spnl.commands.parameters import SECONDS, TEMPERATURE, Definition, FileName, ModelName
from spnl.config import settle
from spnl.frozen import Frozen
from spnl.settings import VARIABLES, Settings, Variable

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class OptionGroup:
    """Options whose values a command gets as one record: the parameter `name`.

    `make` makes the record of the values by the options' names, which are `fields`: those of the record,
    where it is a class of records.
    """

    def __init__(
        self, name: str, make: Callable[..., Frozen], *options: Decorator, fields: Iterable[str] | None = None
    ) -> None:
        self.name = name
        self.fields = tuple(fields if fields is not None else getattr(make, "_fields", ()))
        self._make = make
        self._options = options

    def __call__(self, command: Callable[..., Any]) -> Callable[..., Any]:
        """Give a command the options of the group, and their values as the record."""

        @wraps(command)
        def with_record(**values: Any) -> Any:
            record = self._make(**{field: values.pop(field) for field in self.fields})
            return command(**{self.name: record}, **values)

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
    seed: int | None


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
    click.option(
        "--seed",
        type=click.IntRange(0, 2**31 - 1),
        metavar="N",
        help="Draw as this number says, where a server's model takes a seed.",
    ),
)


class LoadingOptions(Frozen):
    """How models are loaded: what the flags say, by the names of the variables that they stand above."""

    texts: Mapping[str, str]

    @classmethod
    def of_flags(cls, **flags: str | None) -> LoadingOptions:
        """Of the flags' texts by the fields of the settings; those that are not given are left out."""
        names = {variable.field: variable.name for variable in VARIABLES}
        return cls({names[field]: text for field, text in flags.items() if text is not None})

    def settings(self) -> Settings:
        """The settings that are in force, with this process's environment and the configuration."""
        return settle(os.environ, self.texts)


class SettingText(click.ParamType[str]):
    """A text that a setting takes, checked here, where a complaint can name the flag."""

    def __init__(self, variable: Variable) -> None:
        self.name = "text"
        self._variable = variable

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value).strip()
        try:
            self._variable.read(text)
        except (LookupError, ValueError):
            near = "".join(f"; {help}" for help in self._variable.nearest(text))
            self.fail(f"{value!r} is not {self._variable.accepts}{near}")
        return text


def _flag(variable: Variable) -> Decorator:
    if variable.field == "paged_attention":
        return click.option(
            "--paged-attn/--no-paged-attn",
            variable.field,
            default=None,
            callback=lambda context, option, on: None if on is None else str(on).lower(),
            help=variable.meaning,
        )
    type, metavar = SettingText(variable), variable.metavar
    return click.option(variable.flag, variable.field, type=type, metavar=metavar, help=variable.meaning)


_WITH_FLAGS = [variable for variable in VARIABLES if variable.has_flag]

loading_options = OptionGroup(
    "loading",
    LoadingOptions.of_flags,
    *map(_flag, _WITH_FLAGS),
    fields=[variable.field for variable in _WITH_FLAGS],
)


class ExecutionOptions(Frozen):
    """How a program's generations are run, as `spnl.run` takes it."""

    parallel: int | None
    timeout: float | None
    keep_going: bool
    partial: bool


execution_options = OptionGroup(
    "execution",
    ExecutionOptions,
    click.option(
        "--parallel", type=click.IntRange(min=1), metavar="N", help="Run at most N generations at once."
    ),
    click.option(
        "--timeout",
        type=SECONDS,
        metavar="SECONDS",
        help="Stop the program after so long.",
    ),
    click.option(
        "--keep-going", is_flag=True, help="Put errors where answers would be, finish the rest, and exit 1."
    ),
    click.option("--partial", is_flag=True, help="Where the run is stopped, write what was complete."),
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
    plain: bool
    quiet: bool
    verbose: int
    debug: bool


notice_options = OptionGroup(
    "notices",
    NoticeOptions,
    click.option(
        "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour the output."
    ),
    click.option("--plain", is_flag=True, help="For screen readers: no colours, nothing drawn in place."),
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


class FetchOptions(Frozen):
    """What may be fetched, and used: with a lock's file, the models that it holds and no others."""

    offline: bool
    lock: str | None


offline_option = click.option("--offline", is_flag=True, help="Fetch no model: use what is on this machine.")
lock_option = click.option(
    "--lock", metavar="LOCK", type=FileName(), help="Use the models that this lock holds, and no others."
)
fetch_options = OptionGroup("fetching", FetchOptions, offline_option, lock_option)
