"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Any

import click


class Definition(click.ParamType[tuple[str, str]]):
    """`name=value`."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """The name and the text after the first `=`."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not (name and equals):
            self.fail(f"{value!r} is not of the form name=value")
        return name, text


program_argument = click.argument("program", required=False, metavar="[FILE]")
program_text_option = click.option("-c", "text", metavar="TEXT", help="The program itself.")
definitions_option = click.option(
    "-D", "definitions", type=Definition(), multiple=True, help='Give the program a text: (arg "name").'
)
