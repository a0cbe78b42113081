"""What an argument may be: numbers."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

from spnl.forms.types import NUMBER_HELP, ArgType
from spnl.lazy import LazyList, LazyText
from spnl.query import Query
from spnl.source import Span
from spnl.values import Value, WrongKind, kind


class NumberType(ArgType):
    """A finite number within bounds; `fits` says whether one is."""

    accepts = frozenset(("number",))
    whole = False

    def __init__(
        self, name: str, fits: Callable[[float], bool] = lambda number: True, help: str = ""
    ) -> None:
        self.name = name
        self.fits = fits
        self._help = help

    def convert(self, value: Value, span: Span) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise WrongKind(*self.helps_for(value))
        if (self.whole and not isinstance(value, int)) or not self.fits(value):
            raise WrongKind(*((self._help,) if self._help else ()))
        return value

    def helps_for(self, value: Value) -> tuple[str, ...]:
        return (NUMBER_HELP,) if isinstance(value, (str, LazyText, Query)) else ()


class IntegerType(NumberType):
    """A whole number within bounds."""

    whole = True


class NumbersType(NumberType):
    """Numbers; a list of them is spliced."""

    accepts = frozenset(("number", "list"))

    def convert(self, value: Value, span: Span) -> Any:
        if not isinstance(value, (tuple, LazyList)):
            return [super().convert(value, span)]
        return [self._item(item, span) for item in value]

    def _item(self, item: Value, span: Span) -> float:
        try:
            return super().convert(item, span)
        except WrongKind as wrong:
            raise WrongKind(*wrong.helps, found=f"a list with {kind(item)} in it") from None


def at_least(low: float) -> Callable[[float], bool]:
    """Whether a number is finite, and no less than `low`."""
    return lambda number: low <= number <= sys.float_info.max


Number = Annotated[float, NumberType("a number")]
Numbers = Annotated[list[float], NumbersType("numbers")]
Integer = Annotated[int, IntegerType("a whole number")]
Natural = Annotated[int, IntegerType("a whole number, at least 0", at_least(0))]
Positive = Annotated[int, IntegerType("a whole number, at least 1", at_least(1))]
Seconds = Annotated[float, NumberType("a number of seconds, above 0", lambda seconds: 0 < seconds < 1e9)]
