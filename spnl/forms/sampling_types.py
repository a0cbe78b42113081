"""What an argument may be: a model's name, and the parameters of sampling with their ranges."""

from collections.abc import Iterator
from typing import Annotated, Any

from spnl.errors import ProgramError
from spnl.forms.number_types import IntegerType, NumberType, at_least
from spnl.forms.types import ArgType, BoolType, KnownTextType, TextsType
from spnl.models.names import ADAPTER_MARK
from spnl.query import Query
from spnl.source import Span
from spnl.values import Value, WrongKind, pending_in


class ThinkType(ArgType):
    """How much a thinking model thinks."""

    name = "`#t`, `#f`, `low`, `medium` or `high`"
    words = frozenset(("low", "medium", "high"))

    def convert(self, value: Value, span: Span) -> bool | str:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value in self.words:
            return value
        raise WrongKind


class ModelNameType(KnownTextType):
    """The name of a model, and after it an adapter if it is to have one."""

    name = "a model's name"
    accepts = frozenset(("text",))
    many = True

    def convert(self, value: Value, span: Span) -> str:
        if isinstance(value, (bool, int, float)):
            raise WrongKind
        return super().convert(value, span)

    def gather(self, values: list[Any], span: Span, places: list[Span]) -> str:
        """The name with the adapter in it: what `(adapter WHERE)` gives goes after the name."""
        name, *adapters = values
        if len(adapters) > 1 or not all(text.startswith(ADAPTER_MARK) for text in adapters):
            raise ProgramError(
                "too-many-arguments",
                f"clause `model` takes one name, but has {len(values)}",
                span=places[-1],
                helps=('after a name may stand one `(adapter "WHERE")`',),
            )
        return "".join((name, *adapters))


class StopType(TextsType):
    """The texts that end a reply; they must be known."""

    name = "one or more texts"

    def waits(self, value: Value) -> Iterator[Query]:
        return pending_in(value)

    def convert(self, value: Value, span: Span) -> tuple[str | Query, ...]:
        texts = super().convert(value, span)
        if not all(texts):
            raise WrongKind("an empty text would stop every reply at once: leave it out")
        return texts


Temperature = Annotated[float, NumberType("a number, at least 0", at_least(0))]
MaxTokens = Annotated[int, IntegerType("a whole number of tokens, at least 1", at_least(1))]
TopP = Annotated[float, NumberType("a number above 0 and at most 1", lambda p: 0 < p <= 1)]
MinP = Annotated[float, NumberType("a number from 0 to below 1", lambda p: 0 <= p < 1)]
Penalty = Annotated[float, NumberType("a number from -2 to 2", lambda penalty: -2 <= penalty <= 2)]
RepetitionPenalty = Annotated[
    float, NumberType("a number above 0", lambda penalty: 0 < penalty < float("inf"))
]
Seed = Annotated[int, IntegerType("a whole number from 0 to 2147483647", lambda seed: 0 <= seed < 2**31)]
IgnoreEos = Annotated[bool, BoolType()]
Think = Annotated[Any, ThinkType()]
Stop = Annotated[tuple[str, ...], StopType()]
ModelName = Annotated[str, ModelNameType()]
