"""What atoms stand for: the values of strings, text blocks and numbers.

Imports `source`, `errors` and `malformed`. For the reader, which knows where atoms begin and end. What is
wrong inside one goes to a `report`, and something sensible stands in for it, so that reading goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from math import isinf
from typing import TypeAlias

from spnl.errors import ReadError
from spnl.malformed import bad_atom
from spnl.source import Span

MAX_NUMBER_LENGTH = 500
"""The longest number, in characters: more than any float needs, and few enough to convert at once."""

Report: TypeAlias = Callable[[ReadError], None]

_ESCAPE = re.compile(r"\\(?:u\{[0-9A-Za-z]*\}?|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_SIMPLE = {'\\"': '"', "\\\\": "\\", "\\n": "\n", "\\t": "\t", "\\r": "\r"}
_CODE_POINT = re.compile(r"\\u\{([0-9a-fA-F]{1,6})\}")
_ELSEWHERE = {"\\0": "0", "\\a": "7", "\\b": "8", "\\e": "1b", "\\f": "c", "\\v": "b"}


def text_value(written: Span, block: bool, report: Report) -> str:
    """The text that stands between the quotes at `written`. Bad escapes stand for themselves."""
    raw = written.text
    if "\\" not in raw:
        return _dedented(raw) if block else raw
    for match in _ESCAPE.finditer(raw):
        if _character(match[0]) is None:
            start = written.start + match.start()
            report(_bad_escape(match[0], Span(written.source, start, start + len(match[0]))))
    # Escapes come last: an escaped newline is text, not a line to take indentation from.
    return _ESCAPE.sub(lambda match: _character(match[0]) or match[0], _dedented(raw) if block else raw)


def _dedented(raw: str) -> str:
    """The inside of a text block without its indentation and without its first and last line end.

    White space that cannot be seen, on blank lines, does not count.
    """
    opening, *lines = raw.split("\n")
    if lines and _is_blank(lines[-1]):
        lines.pop()
    indents = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if not _is_blank(line)]
    common = _common(indents)
    lines = ["" if _is_blank(line) else line[common:] for line in lines]
    return "\n".join(lines if _is_blank(opening) and "\n" in raw else [opening, *lines])


def _common(texts: list[str]) -> int:
    """How many characters all of `texts` begin with alike: a tab and a space are not alike."""
    first, last = min(texts, default=""), max(texts, default="")  # between these stand all others
    pairs = enumerate(zip(first, last, strict=False))
    return next((index for index, (a, b) in pairs if a != b), len(first))


def _is_blank(line: str) -> bool:
    return not line.strip(" \t")


def _character(escape: str) -> str | None:
    """The character that an escape stands for, or None where it is no escape of the language."""
    match = _CODE_POINT.fullmatch(escape)
    if match is None:
        return _SIMPLE.get(escape)
    code = int(match[1], 16)
    return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else None


def _bad_escape(escape: str, span: Span) -> ReadError:
    name = "a backslash at the end of a line" if escape == "\\\n" else f"`{escape}`"
    message = f"{name} is not an escape"
    if _CODE_POINT.fullmatch(escape):
        message = f"{name} is not a character"
        advice = "write one code point, from 0 to 10FFFF; D800 to DFFF are only halves of characters"
    elif escape.startswith("\\u{") or escape in ("\\u", "\\x"):
        advice = "write 1 to 6 hexadecimal digits between the braces, as in `\\u{1F600}`"
    elif escape == "\\\n":
        advice = "remove the backslash: a string may go on over several lines"
    elif escape in _ELSEWHERE or len(escape) > 2:
        advice = f"write `\\u{{{_ELSEWHERE.get(escape) or escape[2:]}}}`"
    elif escape == "\\'":
        advice = "write `'` without a backslash"
    else:
        advice = f"write `\\{escape}` for a backslash before `{escape[1:]}`"
    note = 'the escapes are `\\"`, `\\\\`, `\\n`, `\\t`, `\\r` and `\\u{…}`'
    return ReadError("bad-escape", message, span=span, label="not an escape", notes=(note,), helps=(advice,))


def number_value(written: Span, report: Report) -> int | float:
    """The number at `written`, which has the form of one. Zero stands in for what is too large."""
    text = written.text
    if len(text) > MAX_NUMBER_LENGTH:
        message = f"a number of {len(text)} characters is too long"
        advice = f"write at most {MAX_NUMBER_LENGTH} digits"
        report(bad_atom(written, "too long", message, advice))
        return 0
    if text.lstrip("+-").isdigit():
        return int(text)
    value = float(text)
    if isinf(value):
        report(bad_atom(written, "too large", "this number is too large", "write at most `1.7e308`"))
        return 0
    return value
