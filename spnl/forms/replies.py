"""What a reply holds: a number, JSON, or code, taken out of what else a model says around it."""

import re
from math import isfinite
from typing import Annotated, Any

from spnl.answers import record_text
from spnl.errors import ProgramError
from spnl.forms.json_text import NotJson, fenced_blocks, parse
from spnl.forms.list_types import Table
from spnl.forms.registry import Call, form
from spnl.forms.types import AnyValue, KnownType, Text, TextType
from spnl.source import Span
from spnl.values import Value, preview

_DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?"
_NUMBER = rf"(?<![\w.])(?:(?<!\d)[-+\u2212])?{_DIGITS}(?!\w)"
_OUT_OF = r"(?:/|out of) ?$"

_MAX_LENGTH = 300
"""The longest number that is looked at, in characters: a float can be no larger."""


class JsonType(KnownType):
    """What can be written as JSON: anything without a function in it. The form is given the JSON."""

    name = "a value of JSON"

    def convert(self, value: Value, span: Span) -> str:
        return record_text(super().convert(value, span))


Json = Annotated[str, JsonType()]


class NumberOrTextType(TextType):
    """A text that holds a number, or a number already."""

    name = "a text"

    def convert(self, value: Value, span: Span) -> Any:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return value if is_number else super().convert(value, span)


NumberOrText = Annotated[str | float, NumberOrTextType()]


@form("number")
def number(call: Call, text: NumberOrText, default: AnyValue | None = None) -> Value:
    """The number that a text holds, or else the default.

    There must be exactly one, whatever is said around it; of `7/10` and `7 out of 10` it is the first.

    (number (g "What is 4 + 4?") 0)

    (if (> (number "Score: 8/10") 5) "good" "bad")
    """
    if not isinstance(text, str):
        return text
    found = _numbers(text)
    if len(found) == 1:
        return found[0]
    if default is not None:
        return default  # type: ignore[no-any-return]
    if found:
        what = f"there are {len(found)} numbers in {preview(text)}"
        advice = 'say which: `(number (last (find-all TEXT "[0-9]+")))`, or write a default'
    else:
        what = f"there is no number in {preview(text)}"
        advice = "ask for the number alone, or write a default: `(number TEXT DEFAULT)`"
    raise ProgramError("not-a-number", what, span=call.span, helps=(advice,))


@form("json")
def json(call: Call, text: Table, default: AnyValue | None = None) -> Value:
    """What a JSON text says, or else the default.

    An object is a record, an array a list, `null` is nothing. Of a text that is not JSON, the last fenced
    block is read.

    (get (json "{\\"city\\": \\"Rome\\"}") "city")
    """
    try:
        return parse(text.read())
    except NotJson as wrong:
        if default is not None:
            return default  # type: ignore[no-any-return]
        place = f" at line {wrong.line}, column {wrong.column}" if wrong.line else ""
        raise ProgramError(
            "not-json",
            f"{text.name} is not JSON: {wrong.reason}{place}",
            span=call.place("text"),
            notes=(f"it begins {preview(text.read())}",) if place else (),
            helps=("ask for JSON alone, or write a default: `(json TEXT DEFAULT)`",),
        ) from None


@form("to-json")
def to_json(call: Call, value: Json) -> str:
    """A value as JSON on one line: for a prompt, or to be read by another program.

    (to-json (record "city" "Rome" "letters" 4))
    """
    return value


@form("code")
def code(call: Call, text: Text, default: AnyValue | None = None) -> Value:
    """What stands in the last fenced block of a text, or else the default.

    (code (g "Write a haiku in a fenced block." (max-tokens 30)) "no code")
    """
    blocks = fenced_blocks(text.replace("\r\n", "\n"))
    if blocks:
        return blocks[-1]
    if default is not None:
        return default  # type: ignore[no-any-return]
    raise ProgramError(
        "no-code",
        f"there is no fenced block in {preview(text)}",
        span=call.span,
        helps=("write a default: `(code TEXT DEFAULT)`",),
    )


def _numbers(text: str) -> list[int | float]:
    """The numbers in a text, but for those that another is out of."""
    found: list[int | float] = []
    for match in re.finditer(_NUMBER, text):
        start = match.start()
        if len(match[0]) > _MAX_LENGTH or (found and re.search(_OUT_OF, text[max(0, start - 8) : start])):
            continue
        number = _number(match[0])
        if isfinite(number):
            found.append(number)
    return found


def _number(written: str) -> int | float:
    plain = written.replace(",", "").replace("\u2212", "-")
    return int(plain) if plain.lstrip("+-").isdigit() else float(plain)
