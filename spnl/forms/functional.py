"""Lists and functions: which items, in what order, and what they come to together.

What a function gives may have to be generated; the list is then a step that waits for all its answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spnl.errors import ProgramError
from spnl.forms.list_types import Rows
from spnl.forms.logic import verdict
from spnl.forms.registry import Call, form
from spnl.forms.types import AnyValue, Callback, KnownType
from spnl.query import Deferred
from spnl.source import Span
from spnl.values import Value, filled, kind, kind_of, pending_in, share

ListOrStep = tuple[Value, ...] | Deferred
"""A list, or the step that comes to one."""

_KNOWN = KnownType()


@form("filter")
def filter_(call: Call, function: Callback, list_: Rows) -> ListOrStep:
    """The items of a list for which a function gives `#t`.

    (filter (lambda (fact) (contains? fact "green")) (lines (file "facts.txt")))
    """
    return _chosen(call, function, list_, True)


@form("remove")
def remove(call: Call, function: Callback, list_: Rows) -> ListOrStep:
    """The items of a list for which a function gives `#f`.

    (remove empty? (split "a,,b" ","))
    """
    return _chosen(call, function, list_, False)


@form("sort")
def sort(call: Call, list_: Rows, function: Callback | None = None) -> ListOrStep:
    """A list in order: of its numbers or texts, or of what a function gives for each item.

    (sort (list 3 1 2))

    (last (sort (list "fig" "banana" "kiwi") length))
    """
    kept = [share("item", item, call.span) for item in list_]
    keys = tuple([call.apply(function, (item,)) if function is not None else item for item in kept])
    return _when_known(
        call, keys, lambda known: _sorted(call, kept if function is not None else known, known)
    )


@form("fold")
def fold(call: Call, function: Callback, start: AnyValue, list_: Rows) -> Value:
    """What a list comes to when a function takes it up item by item: START first, then what it gave.

    (fold + 0 (list 1 2 3))

    (fold (lambda (notes fact) (g (user notes " " fact))) "" (take 2 (lines (file "facts.txt"))))
    """
    value: Value = start
    for item in list_:
        value = call.apply(function, (value, item))
    return value


def _chosen(call: Call, function: Any, list_: Any, wanted: bool) -> ListOrStep:
    """The items for which a function's verdict is the wanted one."""
    kept: list[Value] = []
    verdicts: list[Value] = []
    pending = False
    for item in list_:
        shared = share("item", item, call.span)
        said = verdict(call, call.apply(function, (shared,)))
        if isinstance(said, bool):
            if said is not wanted:
                continue
        else:
            pending = True
        kept.append(shared)
        verdicts.append(said)
    if not pending:
        return tuple(kept)
    return _when_known(
        call,
        tuple(verdicts),
        lambda known: tuple(
            [item for item, said in zip(kept, known, strict=True) if verdict(call, said) is wanted]
        ),
    )


def _when_known(
    call: Call, values: tuple[Value, ...], then: Callable[[tuple[Value, ...]], tuple[Value, ...]]
) -> ListOrStep:
    """What `then` gives for values, now or when all of them are known."""
    waits = tuple(pending_in(values))
    if not waits:
        return then(values)

    def resume(came_to: tuple[Value, ...]) -> Value:
        known = filled(values, waits, came_to)
        assert isinstance(known, tuple)
        return then(known)

    return Deferred("apply", call.form.name, waits, resume, span=call.span, gives="list")


def _sorted(call: Call, list_: Any, keys: tuple[Value, ...]) -> tuple[Value, ...]:
    keys = tuple([_KNOWN.convert(key, call.span) for key in keys])
    kinds = {kind_of(key) for key in keys}
    place = call.place("function") if "function" in call.places else call.place("list_")
    if len(kinds) > 1 or not kinds <= {"text", "number"}:
        raise _unsortable(keys, place)
    order: Any = sorted(range(len(keys)), key=keys.__getitem__)
    return tuple([list_[index] for index in order])


def _unsortable(keys: tuple[Value, ...], place: Span) -> ProgramError:
    odd = next((key for key in keys if kind_of(key) not in ("text", "number")), None)
    what = f"is {kind(odd)}" if odd is not None else "are both"
    return ProgramError(
        "wrong-type",
        f"`sort` sorts numbers or texts, but here {what}",
        span=place,
        helps=("give a function that makes a number or a text of each item: `(sort LIST FUNCTION)`",),
    )
