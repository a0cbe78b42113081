"""Records: values by name, as in a row of a table or an object of JSON."""

from typing import Any

from spnl.errors import ProgramError, did_you_mean
from spnl.forms.registry import Call, form
from spnl.forms.types import AnyValue, Record, Text
from spnl.query import Deferred, Query
from spnl.source import Span
from spnl.values import NOTHING, Value, is_pending, kind, preview, static_text


@form("get")
def get(call: Call, record: Record, field: Text, default: AnyValue | None = None) -> Value:
    """The value of one field of a record, or the default where there is none.

    (get (record "city" "Rome" "letters" 4) "city")

    (foreach row (csv (file "cities.csv")) (g (format "What is the capital of {}?" (get row "country"))))
    """
    value: Value = record.get(field, NOTHING)
    if isinstance(value, Query) and value == NOTHING and default is not None:
        return default  # type: ignore[no-any-return]
    if field not in record:
        raise missing_field(
            f"the record has no field {preview(field)}", field, list(record), call.place("field")
        )
    return value


@form("record")
def record(call: Call, *fields: AnyValue) -> dict[str, Any] | Deferred:
    """A record of names and values; one that is given first is added to.

    At top level it prints as a line of JSON.

    (record "city" "Rome" "letters" 4)

    (foreach row (csv (file "cities.csv")) (record row "seen" #t))
    """
    values = list(fields)
    if values and isinstance(values[0], Query) and is_pending(values[0]):
        # Whether it is a record to add to, or the first name, is known when it is.
        first_value, rest = values[0], tuple(values[1:])
        return Deferred(
            "apply",
            "record",
            (first_value,),
            lambda known: record(call, known[0], *rest),
            span=call.span,
            gives="record",
        )
    made: dict[str, Any] = dict(values.pop(0)) if values and isinstance(values[0], dict) else {}
    first = len(fields) - len(values)
    if len(values) % 2:
        raise ProgramError(
            "missing-argument",
            "the last name of this record has no value",
            span=call.place("fields", len(fields) - 1),
            helps=('write (record "NAME" VALUE "NAME" VALUE …)',),
        )
    for index in range(0, len(values), 2):
        made[_name(values[index], call.place("fields", first + index))] = values[index + 1]
    return made


@form("fields")
def fields(call: Call, record: Record) -> tuple[str, ...]:
    """The names of a record's fields.

    (join (fields (record "city" "Rome" "letters" 4)) ", ")
    """
    return tuple(record)


def missing_field(message: str, name: str, known: list[str], span: Span) -> ProgramError:
    """The error for a field that is not there, which names those that are."""
    there = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
    return ProgramError(
        "missing-field",
        message,
        span=span,
        notes=(f"there are: {there}" if known else "there are none",),
        helps=did_you_mean(name, known),
    )


def _name(value: Value, span: Span) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Query) and not is_pending(value) and value != NOTHING:
        return static_text(value)
    raise ProgramError(
        "wrong-type",
        f"the name of a field is a text, but this is {kind(value)}",
        span=span,
        helps=('write (record "NAME" VALUE "NAME" VALUE …)',),
    )
