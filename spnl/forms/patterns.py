"""Regular expressions: searched for in a text, in bounded time.

The `regex` package does the work, because Python's own engine cannot be stopped: one unlucky pattern would
hang a program for ever. Patterns are written as for Python's `re`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from spnl.errors import ProgramError
from spnl.forms.registry import Call, form
from spnl.forms.types import Text, TextType
from spnl.source import Span
from spnl.values import Value, WrongKind, preview

TIME_LIMIT = 2.0
"""How long one search may take, in seconds of the process's own time, which a model at work also uses.
Ordinary searches take a thousandth of it."""

MAX_PATTERN = 10_000
"""The longest pattern, in characters."""


class PatternType(TextType):
    """A regular expression."""

    name = "a regular expression"

    def convert(self, value: Value, span: Span) -> Any:
        import regex

        text = super().convert(value, span)
        if len(text) > MAX_PATTERN:
            raise WrongKind(f"write at most {MAX_PATTERN} characters")
        try:
            return regex.compile(text)
        except regex.error as error:
            raise ProgramError(
                "bad-pattern",
                f"this is not a regular expression: {str(error).replace(' at position ', ' at character ')}",
                span=span,
                helps=("write `\\\\.` for a dot and `\\\\(` for a parenthesis that stand for themselves",),
            ) from None


Pattern = Annotated[Any, PatternType()]


@form("matches?")
def matches(call: Call, text: Text, pattern: Pattern) -> bool:
    """Whether a regular expression is found anywhere in a text.

    (matches? "Call 555-0199." "[0-9]{3}-[0-9]{4}")
    """
    return _in_time(call, text, lambda: pattern.search(text, timeout=TIME_LIMIT)) is not None


@form("find-all")
def find_all(call: Call, text: Text, pattern: Pattern) -> tuple[str, ...]:
    """Everything in a text that a regular expression fits: its group, if it has one, else all that it fits.

    (last (find-all "2 + 3 = 5" "[0-9]+"))

    (find-all "Answer: Rome" "Answer: (.*)")
    """
    found = _in_time(call, text, lambda: list(pattern.finditer(text, timeout=TIME_LIMIT)))
    group = 1 if pattern.groups else 0
    return tuple([match[group] or "" for match in found])


def _in_time(call: Call, text: str, search: Callable[[], Any]) -> Any:
    try:
        return search()
    except TimeoutError:
        raise ProgramError(
            "slow-pattern",
            f"this pattern takes more than {TIME_LIMIT:g} s on {preview(text)}",
            span=call.place("pattern"),
            helps=("make it simpler: avoid one repetition within another, such as `(a+)+`",),
        ) from None
