"""Tables: the rows of CSV and of JSON lines, read one after another, so that a file may be of any size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from spnl.errors import ProgramError
from spnl.forms.json_text import NotJson, parse_exactly
from spnl.forms.list_types import Table
from spnl.forms.records import missing_field
from spnl.forms.registry import Call, form
from spnl.forms.template import BadTemplate, Hole, pieces_of
from spnl.forms.types import ArgType, Bool, KnownText, Text
from spnl.forms.words import bad_template
from spnl.lazy import LazyList, LazyText, Settled
from spnl.query import Query
from spnl.source import Span
from spnl.values import Value, WrongKind, kind, preview, to_text

MAX_CELL = 256 * 1024 * 1024
"""The longest cell of a CSV table, in characters: as long as a text can be."""


class ColumnType(ArgType):
    """A column: by its name or, where there is no header, by its place."""

    name = "a column's name, or its place where there is no header"
    accepts = frozenset(("text", "number"))

    def convert(self, value: Value, span: Span) -> Any:
        if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
            return value
        raise WrongKind


Column = Annotated[str | int, ColumnType()]


@form("jsonl")
def jsonl(call: Call, text: Table, *, field: Text | None = None, format: Text | None = None) -> LazyList:
    """The rows of JSON lines: what each line says, or one field of each, or a text made of each.

    Blank lines are none. Of a file, no more rows are read than are used.

    (take 2 (jsonl (file "questions.jsonl") (field "question")))

    (map (inputs (jsonl (file "questions.jsonl") (format "Answer with one word: {question}"))))
    """
    pieces = _pieces(call, field, format)

    def rows() -> Iterator[Value]:
        for number, line in enumerate(text.lines(), 1):
            if line.strip():
                row = _json_row(line, number, text, call.place("text"))
                where = f"line {number} of {text.name}"
                yield row if pieces is None else _picked(call, row, pieces, where)

    return LazyList(rows)


@form("csv")
def csv(
    call: Call,
    text: Table,
    *,
    column: Column | None = None,
    format: Text | None = None,
    delimiter: KnownText = ",",
    header: Bool = True,
) -> LazyList:
    """The rows of a CSV table, as records of texts; or one column of them, or a text made of each row.

    The first row names the columns. With `(header #f)` there is no such row: rows are lists, and columns are
    counted from 0. Of a file, no more rows are read than are used.

    (foreach row (csv (file "cities.csv"))
      (g (format "Is {} in {}?" (get row "capital") (get row "country"))))

    (csv (file "cities.csv") (column "capital"))

    (csv "Rome;4" (delimiter ";") (header #f) (column 1))
    """
    if len(delimiter) != 1 or delimiter in '"\n\r':
        raise ProgramError(
            "bad-delimiter",
            f"a delimiter is one character, but this is {preview(delimiter)}",
            span=call.place("delimiter"),
            helps=('write `(delimiter ";")`, or `(delimiter "\\t")` for tabs',),
        )
    if not header:
        return _without_header(call, text, delimiter, column, format)
    if isinstance(column, int):
        raise ProgramError(
            "wrong-type",
            "a column of a table with a header has a name",
            span=call.place("column"),
            helps=("write its name as a text, or `(header #f)` if the first row is no header",),
        )
    pieces = _pieces(call, column, format)
    names = _header(call, text, delimiter)
    if pieces is not None:
        _check_columns(call, pieces, names, text)

    def rows() -> Iterator[Value]:
        cells_of_rows = _csv_rows(text, delimiter, call.place("text"))
        next(cells_of_rows, None)
        for number, cells in cells_of_rows:
            where = f"line {number} of {text.name}"
            if len(cells) != len(names):
                raise _ragged(where, len(cells), len(names), call.place("text"))
            row = dict(zip(names, cells, strict=True))
            yield row if pieces is None else _picked(call, row, pieces, where)

    return LazyList(rows)


Pieces = str | list[str | Hole] | None
"""What is wanted of a row: one field's value, a text with fields in its holes, or all of it."""


def _pieces(call: Call, field: str | None, template: str | None) -> Pieces:
    if template is None:
        return field
    if field is not None:
        raise ProgramError(
            "repeated-clause",
            "a row gives either one field or a text made of its fields",
            span=call.place("format"),
            helps=("keep one of the two clauses",),
        )
    place = call.place("format")
    try:
        pieces = pieces_of(template)
    except BadTemplate as bad:
        raise bad_template(bad.reason, place, bad.advice) from None
    if any(isinstance(piece, Hole) and not piece for piece in pieces):
        raise bad_template("has a `{}` that names no field", place, "write `{NAME}` for a field of the row")
    return pieces


def _picked(call: Call, row: Value, pieces: str | list[str | Hole], where: str) -> Value:
    """One field of a row, or the text made of it."""
    if not isinstance(row, dict):
        raise ProgramError(
            "wrong-type", f"{where} is {kind(row)}, which has no fields", span=call.place("text")
        )
    if isinstance(pieces, str):
        return _field(call, row, pieces, where, "field" if "field" in call.places else "column")
    parts: list[str] = []
    for piece in pieces:
        if isinstance(piece, Hole):
            value = _field(call, row, piece, where, "format")
            try:
                text = to_text(value)
            except WrongKind as wrong:
                raise ProgramError(
                    "wrong-type",
                    f"`{piece}` on {where} is {kind(value)}, not a text",
                    span=call.place("format"),
                    helps=wrong.helps,
                ) from None
            assert not isinstance(text, Query), "nothing in a table is generated"
            parts.append(text)
        else:
            parts.append(piece)
    return "".join(parts)


def _field(call: Call, row: dict[str, Any], name: str, where: str, parameter: str) -> Value:
    if name not in row:
        message = f"{where} has no field {preview(str(name))}"
        raise missing_field(message, name, list(row), call.place(parameter))
    value: Value = row[name]
    return value


def _json_row(line: str, number: int, text: LazyText, span: Span) -> Value:
    try:
        return parse_exactly(line)
    except NotJson as wrong:
        place = f" at column {wrong.column}" if wrong.column else ""
        raise ProgramError(
            "not-json",
            f"line {number} of {text.name} is not JSON: {wrong.reason}{place}",
            span=span,
            helps=("write one JSON value on each line",),
        ) from None


def _csv_rows(text: LazyText, delimiter: str, span: Span) -> Iterator[tuple[int, list[str]]]:
    """The cells of each row that is not blank, and the line on which it ends."""
    import csv

    csv.field_size_limit(max(MAX_CELL, csv.field_size_limit()))
    reader = csv.reader((f"{line}\n" for line in text.lines()), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise ProgramError(
            "not-csv",
            f"line {reader.line_num} of {text.name} is not CSV: {str(error).lower()}",
            span=span,
            helps=(
                'put a cell that holds a delimiter or a quote in quotes, and write `""` for a quote in it',
            ),
        ) from None


def _header(call: Call, text: LazyText, delimiter: str) -> list[str]:
    """The names of the columns, from the first row."""
    _, names = next(_csv_rows(text, delimiter, call.place("text")), (0, []))
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ProgramError(
                "repeated-name",
                f"two columns of {text.name} are named {preview(name)}",
                span=call.place("text"),
                helps=("rename one, or read the rows as lists with `(header #f)`",),
            )
    return names


def _check_columns(call: Call, pieces: str | list[str | Hole], names: list[str], text: LazyText) -> None:
    wanted = [pieces] if isinstance(pieces, str) else [piece for piece in pieces if isinstance(piece, Hole)]
    for name in wanted:
        if name not in names:
            place = call.place("column" if isinstance(pieces, str) else "format")
            raise missing_field(f"{text.name} has no column {preview(str(name))}", name, names, place)


def _without_header(
    call: Call, text: LazyText, delimiter: str, column: str | int | None, template: str | None
) -> LazyList:
    """Rows as lists, or the cell at one place of each."""
    if isinstance(column, str) or template is not None:
        raise ProgramError(
            "wrong-type",
            "a table without a header has no names for its columns",
            span=call.place("column" if template is None else "format"),
            helps=("count columns from 0: `(column 0)`",),
        )

    def rows() -> Iterator[Value]:
        for number, cells in _csv_rows(text, delimiter, call.place("text")):
            if column is None:
                yield Settled(cells)
            elif column < len(cells):
                yield cells[column]
            else:
                raise ProgramError(
                    "missing-field",
                    f"line {number} of {text.name} has no column {column}",
                    span=call.place("column"),
                    notes=(f"it has {len(cells)}, counted from 0",),
                )

    return LazyList(rows)


def _ragged(where: str, cells: int, names: int, span: Span) -> ProgramError:
    return ProgramError(
        "not-csv",
        f"{where} has {cells} cell{'s' * (cells != 1)}, but the header has {names}",
        span=span,
        helps=('put a cell that holds a delimiter in quotes, or name the delimiter: `(delimiter ";")`',),
    )
