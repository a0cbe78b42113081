"""JSON as values of the language: objects are records, arrays are lists, `null` is nothing."""

from __future__ import annotations

import re
from typing import Any

from spnl.lazy import Settled
from spnl.values import NOTHING, Value

MAX_DEPTH = 500
"""How deep arrays and objects may be nested."""

_FENCE = r"[ \t]*(`{3,}|~{3,})[ \t]*([^`]*)$"
_BRACKETS = r'(?s)"(?:[^"\\]|\\.)*+"|[\[\]{}]'


class NotJson(Exception):
    """A text is not JSON. `reason` says why, `line` and `column` (from 1) where; 0 where nobody knows."""

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column


def fenced_blocks(text: str) -> list[str]:
    """What stands in the fenced blocks of a Markdown text, in order, without the last newline.

    A block that is not closed is none: the reply was cut, or the fence is part of a sentence.
    """
    from textwrap import dedent

    blocks: list[str] = []
    opening = ""
    inside: list[str] = []
    for line in text.split("\n"):
        fence = re.match(_FENCE, line)
        if not opening:
            if fence is not None:
                opening, inside = fence[1], []
        elif fence is not None and fence[1].startswith(opening) and not fence[2]:
            blocks.append(dedent("\n".join(inside)))
            opening = ""
        else:
            inside.append(line)
    return blocks


def parse(text: str) -> Value:
    """The value of a JSON text, or of the last fenced block in it. `NotJson`."""
    try:
        return parse_exactly(text)
    except NotJson:
        blocks = fenced_blocks(text)
        if not blocks:
            raise
        return parse_exactly(blocks[-1])


def parse_exactly(text: str) -> Value:
    """The value of a text that is JSON from end to end. `NotJson`."""
    import json

    if not text.strip():
        raise NotJson("it is empty")
    _check_depth(text)
    try:
        return _value(json.loads(text, parse_constant=_no_constant, parse_float=_finite))
    except json.JSONDecodeError as error:
        raise NotJson(_reason(error.msg), error.lineno, error.colno) from None
    except ValueError:
        raise NotJson("a number has too many digits") from None


def _value(data: Any) -> Value:
    """Parsed JSON as a value."""
    match data:
        case str():
            return (
                data if data.isascii() else data.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            )
        case list():
            return Settled(map(_value, data))
        case dict():
            return {_value(name): _value(item) for name, item in data.items()}  # type: ignore[misc]
        case None:
            return NOTHING
    number: Value = data
    return number


def _check_depth(text: str) -> None:
    """Refuse what is nested so deep that parsing it would overflow the stack."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in re.finditer(_BRACKETS, text):
        if match[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                line = text.count("\n", 0, match.start()) + 1
                raise NotJson(
                    f"nested more than {MAX_DEPTH} deep",
                    line,
                    match.start() - text.rfind("\n", 0, match.start()),
                )
        elif match[0] in "]}":
            depth -= 1


def _no_constant(name: str) -> float:
    raise NotJson(f"{name} is no value of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        raise NotJson("a number is too large")
    return number


def _reason(message: str) -> str:
    """What Python's reader says, as part of a sentence of ours."""
    return message[:1].lower() + message[1:].replace(" enclosed in double quotes", " in double quotes")
