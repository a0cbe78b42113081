"""Numbers: whole numbers stay whole where they can; nothing is infinite."""

from collections.abc import Callable
from math import isfinite
from typing import Any

from spnl.errors import ProgramError
from spnl.forms.number_types import Natural, Number, Numbers
from spnl.forms.registry import Call, form

MAX_NUMBER = 10**300
"""No result is larger: floats end soon after, and whole numbers without an end would fill the memory."""


@form("+", at_least=1)
def plus(call: Call, *numbers: Numbers) -> float:
    """The sum of numbers; a list of numbers counts as its items.

    (+ 1 2 (list 3 4))
    """
    return _computed(call, lambda: sum(_all(numbers)))


@form("-")
def minus(call: Call, number: Number, *numbers: Number) -> float:
    """A number less others; of one number, its negative.

    (- 10 2 3)
    """
    return _computed(call, lambda: number - sum(numbers) if numbers else -number)


@form("*", at_least=1)
def times(call: Call, *numbers: Numbers) -> float:
    """The product of numbers; a list of numbers counts as its items.

    (* 2 3 4)
    """
    return _computed(call, lambda: _product(_all(numbers)))


@form("/")
def divide(call: Call, number: Number, divisor: Number) -> float:
    """A number divided by another: whole where it comes out even.

    (/ (+ 7 8 6) 3)
    """
    _refuse_zero(call, divisor)
    if isinstance(number, int) and isinstance(divisor, int) and number % divisor == 0:
        return number // divisor
    return _computed(call, lambda: number / divisor)


@form("mod")
def mod(call: Call, number: Number, divisor: Number) -> float:
    """What remains of a number after division; it has the sign of the divisor.

    (mod 7 3)
    """
    _refuse_zero(call, divisor)
    return _computed(call, lambda: number % divisor)


@form("min", at_least=1)
def minimum(call: Call, *numbers: Numbers) -> float:
    """The least of numbers; a list of numbers counts as its items.

    (min 3 1 2)
    """
    return min(_some(call, numbers))


@form("max", at_least=1)
def maximum(call: Call, *numbers: Numbers) -> float:
    """The greatest of numbers; a list of numbers counts as its items.

    (max (list 7 9 8))
    """
    return max(_some(call, numbers))


@form("round")
def round_(call: Call, number: Number, digits: Natural = 0) -> float:
    """The nearest whole number, or the nearest with so many decimal digits; a half goes to the even one.

    (round 2.7)

    (round 3.14159 2)
    """
    return round(number) if digits == 0 else round(number, min(digits, 20))


def _all(groups: tuple[list[float], ...]) -> list[float]:
    return [number for group in groups for number in group]


def _some(call: Call, groups: tuple[list[float], ...]) -> list[float]:
    numbers = _all(groups)
    if not numbers:
        raise ProgramError(
            "no-numbers",
            f"`{call.form.name}` of an empty list is no number",
            span=call.place("numbers"),
            helps=("test for it: `(if (empty? LIST) … …)`",),
        )
    return numbers


def _product(numbers: list[float]) -> float:
    """The product, given up as soon as it is too large: whole numbers could grow without end."""
    product: float = 1
    for number in numbers:
        product *= number
        if abs(product) > MAX_NUMBER:
            raise OverflowError
    return product


def _computed(call: Call, compute: Callable[[], Any]) -> float:
    """What a computation gives; an error of ours where that is too large."""
    try:
        result: float = compute()
    except OverflowError:
        result = float("inf")
    if not isfinite(result) if isinstance(result, float) else abs(result) > MAX_NUMBER:
        raise ProgramError(
            "number-too-large",
            f"what `{call.form.name}` comes to is too large",
            span=call.span,
            notes=("numbers go up to 1e300",),
        )
    return result


def _refuse_zero(call: Call, divisor: float) -> None:
    if divisor == 0:
        raise ProgramError(
            "division-by-zero",
            "a number cannot be divided by 0",
            span=call.place("divisor"),
            helps=("test for it first: `(if (= N 0) … …)`",),
        )
