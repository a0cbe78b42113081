"""Logic: `not`, `and`, `or`, and whether a function holds for any or all items of a list."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from spnl.errors import ProgramError
from spnl.forms.conversion import convert_value, described
from spnl.forms.list_types import Rows
from spnl.forms.registry import Call, form, special
from spnl.forms.shapes import misshapen
from spnl.forms.types import Bool, BoolType, Callback
from spnl.query import Deferred, Query
from spnl.scope import Function
from spnl.source import Span
from spnl.values import Value, WrongKind, is_pending

_BOOL = BoolType()

Step = tuple[Callable[[], Value], Callable[[Value], Any]]
"""How to get one value, and how to make sure that it is a bool, or comes to one."""


@form("not")
def not_(call: Call, value: Bool) -> bool:
    """`#t` for `#f`, and `#f` for `#t`.

    (if (not (contains? "a rose" "tulip")) "no tulip")
    """
    return not value


@special("and", usage="(and CONDITION …)")
def and_(call: Call) -> Value:
    """Whether all conditions hold. After the first that does not, none is looked at.

    (let ((word "tea")) (and (= (length word) 3) (starts-with? word "t")))
    """
    return _until(False, _conditions(call), call)


@special("or", usage="(or CONDITION …)")
def or_(call: Call) -> Value:
    """Whether any condition holds. After the first that does, none is looked at.

    (or (= 1 2) (= 2 2))
    """
    return _until(True, _conditions(call), call)


@form("any?")
def any_(call: Call, function: Callback, list_: Rows) -> bool | Deferred:
    """Whether a function gives `#t` for any item of a list. After the first, none is looked at.

    (any? (lambda (word) (starts-with? word "b")) (list "apple" "banana"))
    """
    return _until(True, _verdicts(call, function, list_), call)


@form("all?")
def all_(call: Call, function: Callback, list_: Rows) -> bool | Deferred:
    """Whether a function gives `#t` for all items of a list. After one that is not, none is looked at.

    (let ((reply "red and green")) (all? (lambda (word) (contains? reply word)) (list "red" "green")))
    """
    return _until(False, _verdicts(call, function, list_), call)


def _conditions(call: Call) -> Iterator[Step]:
    _, *nodes = call.node.items
    if not nodes:
        raise misshapen(call, call.node)
    call.foresee(nodes)
    for index, node in enumerate(nodes, 1):
        what = f"argument {index} of `{call.form.name}`"
        yield partial(call.expand, node), partial(_condition, what, node.span)


def _condition(what: str, place: Span, value: Value) -> Any:
    return convert_value(_BOOL, what, value, place)


def _verdicts(call: Call, function: Function, list_: Iterable[Value]) -> Iterator[Step]:
    for item in list_:
        yield partial(call.apply, function, (item,)), partial(verdict, call)


def verdict(call: Call, value: Value) -> Any:
    """What a function that a form is given says of an item: a bool, or a query that comes to one."""
    try:
        if isinstance(value, Query) and is_pending(value):
            _BOOL.check_pending(value)
            return value
        return _BOOL.convert(value, call.span)
    except WrongKind as wrong:
        raise ProgramError(
            "wrong-type",
            f"the function given to `{call.form.name}` must give `#t` or `#f`, but gives {described(value)}",
            span=call.place("function"),
            helps=wrong.helps,
        ) from None


def _until(decisive: bool, steps: Iterator[Step], call: Call) -> bool | Deferred:
    """`decisive` if any step comes to it, else its opposite; waits at a step that is not known yet."""
    for value_of, checked in steps:
        value: bool | Query = checked(value_of())
        if isinstance(value, Query):
            return _deferred(decisive, value, checked, steps, call)
        if value is decisive:
            return value
    return not decisive


def _deferred(
    decisive: bool, value: Query, checked: Callable[[Value], Any], rest: Iterator[Step], call: Call
) -> Deferred:
    """The decision as a step that looks at one value and, if that does not decide, at the rest."""
    following = tuple(rest)

    def choose(values: tuple[Value, ...]) -> Value:
        said: bool = checked(values[0])
        if said is decisive:
            return said
        return _until(decisive, iter(following), call)

    return Deferred("choose", call.form.name, (value,), choose, span=call.span, gives="bool")
