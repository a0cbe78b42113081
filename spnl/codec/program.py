"""Writing a program: a query to text that expands to it, as a person would write it.

Imports `plain`, `names`, `syntax`, `query` and the formatter, which lays the program out.
"""

from __future__ import annotations

import re
from typing import Any

from spnl.codec.names import name_of
from spnl.codec.plain import cannot_carry, plain
from spnl.formatting import format_program
from spnl.query import Generate, Map, Message, Monad, Print, Query, Repeat, Structure, Zip
from spnl.reader import MAX_DEPTH
from spnl.source import Source
from spnl.syntax import quote
from spnl.values import scalar_text
from spnl.visible import UNSAFE

_TARGET = "a program"
_NOT_IN_BLOCK = re.compile(f"[{UNSAFE}\t]| $", re.MULTILINE)


def program_text(query: Query, model: str | None = None) -> str:
    """The program of a query, with a line end. `ProgramError` `not-in-program`."""
    return format_program(Source("<query>", _form(plain(query, _TARGET, model), 1)))


def _form(query: Query, depth: int) -> str:
    """The form of a node, which is `depth` lists deep."""
    if depth + _own_depth(query) - 1 > MAX_DEPTH:
        raise cannot_carry(_TARGET, f"queries that are more than {MAX_DEPTH} deep", query)
    match query:
        case Message(text=text) | Print(text=text):
            parts = [_text(text, query)]
        case Structure(children=children):
            parts = [_form(child, depth + 1) for child in children]
        case Zip(first=first, second=second):
            parts = [_form(first, depth + 1), _form(second, depth + 1)]
        case Monad(body=body):
            parts = [_form(body, depth + 1)]
        case Repeat(n=n, generate=generate):
            parts = [f"(n {n})", _form(generate, depth + 1)]
        case Map(inputs=inputs, system=system):
            parts = _settings(query, query.model)
            parts += [f"(system {_text(system, query)})"] if system else []
            parts += [f"(inputs {' '.join([_text(text, query) for text in inputs])})"] if inputs else []
        case Generate(input=input):
            parts = [*_settings(query, query.model), f"(input {_input(input, depth + 2)})"]
    return f"({' '.join([name_of(query), *parts])})"


def _own_depth(query: Query) -> int:
    """How many lists deep the form of a node is by itself."""
    return 2 if isinstance(query, (Generate, Repeat, Map)) else 1


def _input(query: Query, depth: int) -> str:
    """A lone message of the user needs no form."""
    if isinstance(query, Message) and query.role == "user":
        return _text(query.text, query)
    return _form(query, depth)


def _settings(query: Generate | Map, model: str | None) -> list[str]:
    """The clauses of what the query says of its model, its sampling and failures."""
    clauses = [f"(model {_text(model, query)})"] if model is not None else []
    for name, value in (query.sampling.given() | query.handling.given()).items():
        values = value if isinstance(value, tuple) else (value,)
        clauses.append(f"({name.replace('_', '-')} {' '.join([_atom(value, query) for value in values])})")
    return clauses


def _atom(value: Any, query: Query) -> str:
    return _text(value, query) if isinstance(value, str) else scalar_text(value)


def _text(text: str | Query, query: Query) -> str:
    """A text as a string or, where it has several lines, as a text block."""
    assert isinstance(text, str), "a plain query holds no generated texts"
    try:
        text.encode()
    except UnicodeEncodeError:
        raise cannot_carry(_TARGET, "bytes that are no text", query) from None
    if "\n" not in text.rstrip("\n") or text[0] in " \n" or _NOT_IN_BLOCK.search(text):
        return quote(text)
    # The first line begins with no space, so no line loses any; a newline before the end is the text's own.
    return '"""\n' + text.replace("\\", "\\\\").replace('"""', '\\"""') + '\n"""'
