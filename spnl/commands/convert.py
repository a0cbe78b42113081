"""`spnl convert`: programs to JSON or YAML, and back."""

from __future__ import annotations

from typing import get_args

import click

from spnl.codec import Format, format_of, write_json, write_program, write_yaml
from spnl.commands.loading import query_of
from spnl.commands.options import definitions_option
from spnl.commands.parameters import FileName
from spnl.commands.showing import put_as_it_is
from spnl.commands.source import program_source
from spnl.errors import UsageError
from spnl.output_file import OutputFile
from spnl.query import Query

FORMATS = get_args(Format)


@click.command()
@click.argument("file", metavar="FILE", type=FileName())
@click.option("--from", "given", type=click.Choice(FORMATS), help="What FILE is, if its name does not say.")
@click.option("--to", "wanted", type=click.Choice(FORMATS), help="What to make of it.")
@definitions_option
@click.option("-m", "--model", metavar="NAME", help="Put this model in place of every one that is named.")
@click.option("-o", "target", metavar="FILE", type=FileName(), help="Write to a file, whole or not at all.")
def command(
    file: str,
    given: Format | None,
    wanted: Format | None,
    definitions: tuple[tuple[str, str], ...],
    model: str | None,
    target: str | None,
) -> None:
    """Turn a program into JSON or YAML, or either of them into a program.

    Upstream's own spnl reads the JSON. A program becomes JSON, and a query in JSON or YAML becomes a program,
    unless --to or the name of the file to write says otherwise. FILE `-` is stdin, and takes --from.

    \b
    spnl convert program.spnl -D country=Italy --to yaml
    spnl convert query.json -o program.spnl
    """
    given = given or _format_of(file)
    wanted = wanted or _wanted(given, target)
    if given == wanted == "spnl":
        raise UsageError(
            "bad-option",
            "a program is converted to JSON or YAML, not to a program",
            helps=("name one with --to", "to lay a program out anew, use `spnl fmt`"),
        )
    output = OutputFile(target) if target is not None else None
    query = query_of(program_source(file), dict(definitions), given)
    written = _written(query, wanted, model)
    if output is None:
        put_as_it_is(written)
    else:
        output.write(written.encode("utf-8"))
        output.commit()


def _format_of(file: str) -> Format:
    """What a file is, by its name, which stdin has not."""
    if file == "-":
        raise UsageError(
            "bad-option", "stdin has no name to say what it is", helps=("say it with --from json",)
        )
    return format_of(file)


def _wanted(given: Format, target: str | None) -> Format:
    """What to write where the command line does not say: what the file's name says, or what is not given."""
    if target is not None and (target.endswith(".spnl") or format_of(target) != "spnl"):
        return format_of(target)
    return "json" if given == "spnl" else "spnl"


def _written(query: Query, wanted: Format, model: str | None) -> str:
    match wanted:
        case "json":
            return write_json(query, indent=2, model=model) + "\n"
        case "yaml":
            return write_yaml(query, model=model)
        case "spnl":
            return write_program(query, model=model)
