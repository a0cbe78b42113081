"""Queries as text, in and out: JSON as upstream writes it, the same tree in YAML, and programs.

    read_json    read_yaml      text to query, with a place in the text for every node
    write_json   write_yaml     query to text that upstream's own package reads
    write_program               query to a program that expands to it

A query that holds what only a run can know (a step over a generated text, a shared generation) cannot be
written; the error says what, and where. The modules that do the work are imported when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from spnl.query import Query
    from spnl.source import Source

Format = Literal["spnl", "json", "yaml"]

_SUFFIXES: dict[str, Format] = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}


def format_of(name: str) -> Format:
    """The format of a file, by its name: what is neither JSON nor YAML is a program."""
    return next((form for suffix, form in _SUFFIXES.items() if name.lower().endswith(suffix)), "spnl")


def read_json(source: Source) -> Query:
    """The query that a JSON text holds. `ProgramError` with the place where it is not one."""
    from spnl.codec.decode import decode
    from spnl.codec.json_reader import read_items

    return decode(read_items(source))


def read_yaml(source: Source) -> Query:
    """The query that a YAML text holds. `ProgramError` with the place where it is not one."""
    from spnl.codec.decode import decode
    from spnl.codec.yaml_reader import read_items

    return decode(read_items(source))


def write_json(query: Query, *, indent: int | None = None, model: str | None = None) -> str:
    """A query as JSON, without a line end; `model` stands in place of every one that it names.

    `ProgramError` `not-in-json`, with its place, for what JSON cannot carry.
    """
    import json

    from spnl.codec.encode import encode

    return json.dumps(encode(query, "JSON", model), ensure_ascii=False, allow_nan=False, indent=indent)


def write_yaml(query: Query, *, model: str | None = None) -> str:
    """A query as YAML; what cannot be written is the same as for `write_json`."""
    from spnl.codec.encode import encode
    from spnl.codec.yaml_writer import write_data

    return write_data(encode(query, "YAML", model))


def write_program(query: Query, *, model: str | None = None) -> str:
    """A program that expands to `query`, laid out to be read; `model` stands in place of every one named.

    `ProgramError` `not-in-program`, with its place, for what cannot be written out.
    """
    from spnl.codec.program import program_text

    return program_text(query, model)
