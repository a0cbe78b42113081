"""Lists: made, cut and counted. What is in them need not be known."""

import sys
from itertools import islice

from spnl.errors import ProgramError
from spnl.forms.equality import key_of
from spnl.forms.list_types import Countable, Items, KnownItems, Rows, RowsOrJson, TextItems
from spnl.forms.number_types import Integer, Natural, Positive
from spnl.forms.registry import Call, form
from spnl.forms.types import AnyValue, Callback, Text
from spnl.lazy import LazyList, Settled
from spnl.limits import check_items
from spnl.query import Deferred, Query
from spnl.syntax import quote
from spnl.values import Value, known_text, slice_of

MAX_RANGE = 1_000_000
"""The longest list that `range` makes."""


@form("list")
def make_list(call: Call, *values: AnyValue) -> tuple[Value, ...]:
    """A list of values.

    (foreach country (list "France" "Spain") (g (format "What is the capital of {country}?")))
    """
    return values


@form("append")
def append(call: Call, *lists: Items) -> tuple[Value, ...]:
    """One list of the items of several.

    (join (append (list "a" "b") (list "c")) " ")
    """
    check_items(sum(map(len, lists)), call.span)
    return tuple([item for list_ in lists for item in list_])


@form("range")
def range_(call: Call, start: Integer, end: Integer | None = None, step: Integer = 1) -> tuple[int, ...]:
    """The whole numbers from 0 to below END, or from START to below END.

    (join (range 5) " ")

    (foreach n (range 1 4) (g (format "What is {n} + {n}?")))
    """
    if step == 0:
        raise ProgramError("bad-step", "the step of a range cannot be 0", span=call.place("step"))
    numbers = range(start) if end is None else range(start, end, step)
    if len(numbers) > MAX_RANGE:
        raise ProgramError(
            "too-large", f"a range of {len(numbers)} numbers is too long", span=call.span,
            notes=(f"the longest has {MAX_RANGE}",),
        )  # fmt: skip
    return Settled(numbers)


@form("length")
def length(call: Call, value: Countable) -> int:
    """How many characters a text has, items a list, or fields a record.

    A character is a Unicode code point.

    (length "Rome")
    """
    return sum(1 for _ in value) if isinstance(value, LazyList) else len(value)


@form("empty?")
def empty(call: Call, value: Countable) -> bool:
    """Whether a text has no character, a list no item, or a record no field.

    (remove empty? (lines (file "facts.txt")))
    """
    return next(iter(value), None) is None


@form("first")
def first(call: Call, list_: Rows) -> Value:
    """The first item of a list.

    (first (lines (file "facts.txt")))
    """
    return _item(call, tuple(islice(list_, 1)), 0)


@form("last")
def last(call: Call, list_: Items) -> Value:
    """The last item of a list.

    (last (split "Paris, Rome, Madrid" ", "))
    """
    return _item(call, list_, -1)


@form("nth")
def nth(call: Call, list_: Rows, index: Natural) -> Value:
    """The item of a list at a place, counted from 0.

    (nth (list "zero" "one" "two") 1)
    """
    if isinstance(list_, LazyList):
        return _item(call, list_.take(index + 1), index)
    return _item(call, list_, index)


@form("rest")
def rest(call: Call, list_: Items) -> tuple[Value, ...]:
    """A list without its first item; of an empty list, an empty list.

    (join (rest (list "a" "b" "c")) " ")
    """
    return slice_of(list_, 1)


@form("reverse")
def reverse(call: Call, list_: Items) -> tuple[Value, ...]:
    """A list from its last item to its first.

    (join (reverse (list 1 2 3)) " ")
    """
    return type(list_)(list_[::-1])


@form("unique")
def unique(call: Call, list_: KnownItems) -> tuple[Value, ...]:
    """A list with each value once, where it first stands.

    (join (unique (list "a" "b" "a")) " ")
    """
    seen: dict[object, Value] = {}
    for item in list_:
        seen.setdefault(key_of(item), item)
    return Settled(seen.values())


@form("take")
def take(call: Call, count: Natural, list_: RowsOrJson) -> tuple[Value, ...]:
    """The first items of a list, or of the JSON of one. Of a file's lines or rows, no more are read.

    (take 2 (lines (file "facts.txt")))
    """
    return list_.take(count) if isinstance(list_, LazyList) else slice_of(list_, 0, count)


@form("chunk")
def chunk(call: Call, size: Positive, list_: Rows, function: Callback | None = None) -> tuple[Value, ...]:
    """A list in groups of at most so many items; or what a function gives for each group.

    (foreach pair (chunk 2 (list "a" "b" "c")) (user (join pair " and ")))

    (chunk 2 (lines (file "facts.txt")) (lambda (facts) (g (seq facts (user "Which thing is green?")))))
    """
    groups: list[Value] = []
    remaining = iter(list_)
    while group := tuple(islice(remaining, min(size, sys.maxsize))):
        groups.append(call.apply(function, (group,)) if function is not None else group)
    return tuple(groups)


@form("prefix")
def prefix(call: Call, text: Text, list_: TextItems) -> tuple[str | Query, ...]:
    """The texts of a list in quotes, each after a text and its number, counted from 1.

    (prefix "Fact " (lines (file "facts.txt")))
    """
    return tuple([_prefixed(call, f"{text}{number}: ", item) for number, item in enumerate(list_, 1)])


def _prefixed(call: Call, before: str, text: str | Query) -> str | Query:
    if isinstance(text, str):
        return before + quote(text)

    def resume(values: tuple[Value, ...]) -> str:
        return before + quote(known_text(values[0], call.span))

    return Deferred("apply", "prefix", (text,), resume, span=call.span, gives="text")


def _item(call: Call, list_: tuple[Value, ...], index: int) -> Value:
    if -1 <= index < len(list_) and list_:
        return list_[index]
    count = f"has {len(list_)} item{'s' * (len(list_) != 1)}" if list_ else "is empty"
    wanted = f", so there is no item {index}" if index > 0 else ""
    raise ProgramError(
        "no-such-item",
        f"the list {count}{wanted}",
        span=call.span,
        notes=("items are counted from 0",) if wanted else (),
        helps=("test for it first: `(if (empty? LIST) … …)`",) if not list_ else (),
    )
