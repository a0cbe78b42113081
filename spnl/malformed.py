"""What is wrong with an atom, with its place and what to do.

Imports `source` and `errors`. For the reader, which knows that something is wrong; here is found what was
likely meant. Much of that is what people bring along: from other Lisps, from Python, from word processors.
Patterns are compiled on use, so that a program without errors does not pay for them.
"""

from __future__ import annotations

import re

from spnl.errors import ReadError
from spnl.source import Span


def bad_atom(span: Span, label: str, message: str, advice: str, note: str = "") -> ReadError:
    """The error of an atom at `span`."""
    notes = (note,) if note else ()
    return ReadError("bad-atom", message, span=span, label=label, notes=notes, helps=(advice,))


def preview(text: str, limit: int = 24) -> str:
    """Program text for a message: between backquotes, on one line, and short."""
    line = " ".join(text[: 4 * limit].split())
    cut = len(line) > limit or len(text) > 4 * limit
    return f"`{line[:limit]}…`" if cut else f"`{line}`"


def glued(first: Span, second: Span) -> ReadError:
    """The error of two atoms with nothing between them."""
    a, b = first.text, second.text
    notes = []
    shown = f": `{a} {b}`" if len(a + b) <= 24 and "\n" not in a + b else ""
    helps = [f"put a space between them{shown}"]
    if '"' in (a[0], b[0]):
        helps.append('to have a quotation mark in a string, write `\\"`')
    else:
        notes.append("a name does not begin with a digit")
    message = f"nothing separates {preview(a)} from {preview(b)}"
    return ReadError("glued", message, span=second, label="a space is missing here", notes=notes, helps=helps)


def runs_on(atom: Span) -> bool:
    """Whether an atom is a string of several lines: touched by another, it most often lacks its end."""
    text = atom.text
    return text.startswith('"') and not text.startswith('"""') and "\n" in text


def runaway(string: Span, after: Span) -> ReadError:
    """The error of a string that runs on to the quotation mark where another should begin."""
    line, _ = after.source.position(after.start)
    return ReadError(
        "unterminated",
        f"this string runs on to line {line}, where {preview(after.text)} touches it",
        span=string._replace(end=string.start + 1),
        label="begins here",
        helps=('add `"` where its text should end', f"or, if that is on line {line}, a space after it"),
    )


# What cannot stand in an atom: what the grammar's SYMBOL leaves out, but for white space and delimiters.
_FOREIGN = (
    "[\\[\\]{}'`,|\\\\#\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2018-\u201f\u2028-\u202f\u205f-\u206f"
    "\ufeff\uff02\uff08\uff09\ufff9-\ufffb]"
)
_NUMBER = r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_THOUSANDS = r"[+-]?[0-9]{1,3}(?:[,_][0-9]{3})+(?:\.[0-9]+)?"
_BARE_POINT = r"([+-]?)([0-9]*)\.([0-9]*)((?:[eE][+-]?[0-9]+)?)"
_OTHER_BASE = r"0(?:[xX][0-9a-fA-F]{1,16}|[oO][0-7]{1,20}|[bB][01]{1,64})"


def malformed(written: Span) -> ReadError:
    """The error of a run of characters that is no atom."""
    text = written.text
    if text.startswith("#"):
        return _hash(written)
    foreign = re.search(_FOREIGN, text)
    if foreign is not None and not re.fullmatch(_THOUSANDS, text):
        return _foreign(written, foreign.start())
    meant = _number_meant(text)
    number = re.match(_NUMBER, text)
    if number and not meant and not re.match(r"[+-]?\.?\d", text[number.end() :]):
        middle = written.start + number.end()
        return glued(written._replace(end=middle), written._replace(start=middle))
    advice, note = meant or ("write a date, a version or another text between quotation marks", "")
    return bad_atom(written, "not a number", f"{preview(text)} is not a number", advice, note)


def _hash(written: Span) -> ReadError:
    """The error of what begins with `#` and is neither a bool nor a comment."""
    text = written.text
    message = f"{preview(text)} is not a value"
    if text.lower() in ("#true", "#false", "#t", "#f"):
        return bad_atom(written, "not a value", message, f"write `{text[:2].lower()}`")
    if text.startswith("#\\"):
        character = text[2] if len(text) == 3 and text[2].isalnum() else "a"
        advice, note = f'write a text: `"{character}"`', "there are no single characters in spnl"
    else:
        advice, note = "remove the `#`", "only `#t`, `#f`, `#;` and `#|` begin with `#`"
    return bad_atom(written, "not a value", message, advice, note)


_PARENTHESES = {"[": "(", "{": "(", "\uff08": "(", "]": ")", "}": ")", "\uff09": ")"}
_NO_QUOTING = ("there is no quoting in spnl", 'write a text as `"…"` and a list as `(list …)`')
_MEANS_NOTHING = {
    "'": _NO_QUOTING,
    "`": _NO_QUOTING,
    ",": ("there are no commas in spnl: spaces separate", "write a space"),
    "\\": ("a backslash means nothing outside a string", "remove it"),
    "#": ("`#` cannot stand inside a name", "remove it"),
    "|": ("`|` cannot stand in a name", "remove it"),
    "|#": ("`|#` ends a comment that never began", "remove it"),
}


def _foreign(written: Span, offset: int) -> ReadError:
    """The error of a character that no atom has, at `offset` into `written`."""
    start = written.start + offset
    character = "|#" if written.text.startswith("|#", offset) else written.text[offset]
    if character in _PARENTHESES:
        message = f"`{character}` means nothing: spnl only uses `( )`"
        advice = f"write `{_PARENTHESES[character]}`"
    elif character in _MEANS_NOTHING:
        message, advice = _MEANS_NOTHING[character]
    elif character in "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\uff02":
        message, advice = f"`{character}` is not the quotation mark that spnl reads", 'write `"`'
    else:
        message, advice = f"U+{ord(character):04X}, which cannot be seen, stands in a name", "delete it"
    span = Span(written.source, start, start + len(character))
    return bad_atom(span, "cannot stand here", message, advice)


def _number_meant(text: str) -> tuple[str, str] | None:
    """Advice, and a note or nothing, where `text` is how others write a number."""
    if re.fullmatch(_THOUSANDS, text):
        return f"write {preview(text.replace(',', '').replace('_', ''))}", "digits are not grouped"
    if point := re.fullmatch(_BARE_POINT, text):
        sign, whole, fraction, exponent = point.groups()
        advice = f"write {preview(f'{sign}{whole or 0}.{fraction or 0}{exponent}')}"
        return advice, "a number has digits on both sides of its point"
    if re.fullmatch(_OTHER_BASE, text):
        return f"write `{int(text, 0)}`", "numbers are decimal"
    if re.fullmatch(r"[+-]?[0-9]+/[0-9]+", text):
        return "write a decimal, such as `0.5`", "there are no fractions"
    if text.isdecimal():  # in the digits of another script
        return f"write {preview(''.join(str(int(digit)) for digit in text[:100]))}", ""
    return None
