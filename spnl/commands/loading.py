"""What a command is given to run: a program, or a query in JSON or YAML."""

from __future__ import annotations

from collections.abc import Mapping

from spnl.api import expand
from spnl.codec import Format, format_of, read_json, read_yaml
from spnl.commands.source import STDIN
from spnl.inputs import Inputs
from spnl.query import Query
from spnl.source import Source


def query_of(source: Source, arguments: Mapping[str, str], form: Format | None = None) -> Query:
    """The query of a source: of a program, or as it stands in JSON or YAML.

    Without `form`, the name of the source says what it is: what is no file is a program.
    """
    match form or format_of(source.name):
        case "json":
            return read_json(source)
        case "yaml":
            return read_yaml(source)
        case "spnl":
            inputs = Inputs(program_on_stdin=source.name == STDIN)
            return expand(source, arguments=arguments, inputs=inputs)
