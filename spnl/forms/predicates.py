"""Questions about values, answered with `#t` or `#f`: comparison, and what a text or a list holds."""

from __future__ import annotations

from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Any

from spnl.errors import ProgramError
from spnl.forms.conversion import described
from spnl.forms.equality import key_of
from spnl.forms.registry import Call, form
from spnl.forms.types import NUMBER_HELP, KnownValue, Text
from spnl.values import JOIN_HELP, Value, kind, kind_of, scalar_text


@form("=", at_least=2)
def equal(call: Call, *values: KnownValue) -> bool:
    """Whether values of one kind are the same; texts are compared exactly, character by character.

    (= (+ 1 2) 3)

    (if (= (lower (trim (g "What is the capital of France?"))) "paris") "right" "wrong")
    """
    _refuse_mixed(call, values)
    first = key_of(values[0])
    return all(key_of(value) == first for value in values[1:])


@form("<", at_least=2)
def less(call: Call, *values: KnownValue) -> bool:
    """Whether each value is less than the next: numbers, or texts by their characters' code points.

    (< 1 2 3)
    """
    return _ordered(call, values, lt)


@form(">", at_least=2)
def greater(call: Call, *values: KnownValue) -> bool:
    """Whether each value is greater than the next.

    (> (number "Score: 8") 5)
    """
    return _ordered(call, values, gt)


@form("<=", at_least=2)
def at_most(call: Call, *values: KnownValue) -> bool:
    """Whether no value is greater than the next.

    (<= 1 (length "word") 10)
    """
    return _ordered(call, values, le)


@form(">=", at_least=2)
def at_least(call: Call, *values: KnownValue) -> bool:
    """Whether no value is less than the next.

    (>= "b" "a")
    """
    return _ordered(call, values, ge)


@form("contains?")
def contains(call: Call, whole: KnownValue, part: KnownValue) -> bool:
    """Whether a text has another in it, or a list an item. Capital letters differ from small ones.

    (contains? (g "What is the capital of France?") "Paris")

    (contains? (list 1 2 3) 2)
    """
    if isinstance(whole, tuple):
        wanted = key_of(part)
        return any(key_of(item) == wanted for item in whole)
    texts = [_text(call, whole, "whole", 1), _text(call, part, "part", 2)]
    return texts[1] in texts[0]


@form("starts-with?")
def starts_with(call: Call, text: Text, part: Text) -> bool:
    """Whether a text begins with another.

    (starts-with? "Yes, it is." "Yes")
    """
    return text.startswith(part)


@form("ends-with?")
def ends_with(call: Call, text: Text, part: Text) -> bool:
    """Whether a text ends with another.

    (ends-with? "Is it?" "?")
    """
    return text.endswith(part)


def _ordered(call: Call, values: tuple[Any, ...], before: Callable[[Any, Any], bool]) -> bool:
    for index, value in enumerate(values):
        if kind_of(value) not in ("text", "number"):
            raise ProgramError(
                "wrong-type",
                f"`{call.form.name}` compares numbers or texts, but this is {kind(value)}",
                span=call.place("values", index),
            )
    _refuse_mixed(call, values)
    return all(before(values[index], values[index + 1]) for index in range(len(values) - 1))


def _refuse_mixed(call: Call, values: tuple[Any, ...]) -> None:
    """Values of two kinds are not compared: `(= 3 "3")` is a mistake, not `#f`."""
    for index, value in enumerate(values):
        if kind_of(value) != kind_of(values[0]):
            raise ProgramError(
                "wrong-type",
                f"`{call.form.name}` compares values of one kind, but the first is {described(values[0])}, "
                f"and this is {described(value)}",
                span=call.place("values", index),
                helps=(NUMBER_HELP,) if {kind_of(value), kind_of(values[0])} == {"text", "number"} else (),
            )


def _text(call: Call, value: Value, parameter: str, position: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)) and position == 2:
        return scalar_text(value)
    due = "a text or a list" if position == 1 else "a text"
    raise ProgramError(
        "wrong-type",
        f"argument {position} of `contains?` takes {due}, but this is {kind(value)}",
        span=call.place(parameter),
        helps=(JOIN_HELP,) if isinstance(value, tuple) else (),
    )
