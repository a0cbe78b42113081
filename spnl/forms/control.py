"""Choice, loops and second attempts: which part of a program is expanded, and how often.

Where what decides is known, they are done with at expansion; where it is a text that is not generated yet,
they become a step that expands the rest when it is.
"""

from collections.abc import Iterable, Iterator

from spnl.errors import ProgramError, SpnlError
from spnl.forms.conversion import convert_value
from spnl.forms.list_types import RowsType
from spnl.forms.registry import Call, special
from spnl.forms.shapes import misshapen, name_of
from spnl.forms.types import BoolType
from spnl.lazy import LazyList, LazyText
from spnl.query import Attempt, Deferred, Query
from spnl.scope import Scope
from spnl.syntax import List, Node, Symbol
from spnl.values import NOTHING, Value, filled, is_pending, pending_in, share

_BOOL = BoolType()
_ROWS = RowsType()

MISTAKES = frozenset(
    (
        "bad-shape",
        "bad-pattern",
        "bad-template",
        "empty-list",
        "import-cycle",
        "missing-argument",
        "not-a-definition",
        "not-a-value",
        "not-at-top-level",
        "not-callable",
        "not-known-yet",
        "repeated-clause",
        "repeated-name",
        "reserved-name",
        "too-deep",
        "too-many-arguments",
        "unbound-name",
        "unknown-clause",
        "unknown-form",
    )
)
"""The errors that `try` never hides: they are in how a program is written, not in what it is given."""


@special("if", usage="(if CONDITION THEN [ELSE])")
def if_(call: Call) -> Value:
    """One of two values; only the chosen branch is expanded and run. Without ELSE, the other is nothing.

    (if (contains? (g "What is the capital of France?") "Paris") "right" "wrong")
    """
    _, *parts = call.node.items
    if len(parts) not in (2, 3):
        raise misshapen(call, parts[3] if len(parts) > 3 else call.node)
    call.foresee(parts[1:])

    def choose(value: Value) -> Value:
        condition = convert_value(_BOOL, "the condition of `if`", value, parts[0].span)
        if condition:
            return call.expand(parts[1])
        return call.expand(parts[2]) if len(parts) == 3 else NOTHING

    value = call.expand(parts[0])
    if not (isinstance(value, Query) and is_pending(value)):
        return choose(value)
    convert_value(_BOOL, "the condition of `if`", value, parts[0].span)
    return Deferred("choose", "if", (value,), lambda values: choose(values[0]), span=call.span)


@special("foreach", usage="(foreach NAME LIST BODY …) or (foreach (INDEX NAME) LIST BODY …)")
def foreach(call: Call) -> Value:
    """A list of results: the body for every item of a list, with the item under a name.

    `(foreach (i x) LIST BODY …)` also counts the items, from 0.

    (foreach city (list "France" "Spain") (g (format "What is the capital of {city}?")))
    """
    _, *parts = call.node.items
    if len(parts) < 3:
        raise misshapen(call, call.node)
    names = _loop_names(call, parts[0])
    call.foresee(parts[2:], *(name for name in names if name is not None))

    def each(value: Value) -> Value:
        items = convert_value(_ROWS, "the list of `foreach`", value, parts[1].span)
        return tuple(_bodies(call, names, items, parts[1], parts[2:]))

    items = call.expand(parts[1])
    if not (isinstance(items, Query) and is_pending(items)):
        return each(items)
    convert_value(_ROWS, "the list of `foreach`", items, parts[1].span)
    return Deferred("each", "foreach", (items,), lambda values: each(values[0]), span=call.span, gives="list")


@special("try", usage="(try FIRST OTHERWISE)")
def try_(call: Call) -> Value:
    """The first value, or the other where the first fails: a generation, a file, a number that is none.

    A mistake in the program itself, such as a name that is not defined, is still an error.

    (try (number (g "What is 4 + 4?")) 0)
    """
    _, *parts = call.node.items
    if len(parts) != 2:
        raise misshapen(call, parts[2] if len(parts) > 2 else call.node)
    call.foresee(parts[1:])

    def otherwise(error: SpnlError) -> Value:
        if error.id in MISTAKES:
            raise error
        return call.expand(parts[1])

    try:
        first = _read(call.expand(parts[0]))
    except ProgramError as error:
        return otherwise(error)
    waits = tuple(pending_in(first))
    if not waits:
        return first
    if isinstance(first, Query):
        body: Query = first
    else:
        body = Deferred("apply", "try", waits, lambda values: filled(first, waits, values), span=call.span)
    return Attempt(body, otherwise, span=call.span)


def _read(value: Value) -> Value:
    """A value with all of it read, so that what is wrong in a file is found here and not later."""
    if isinstance(value, LazyText):
        return value.read()
    return value.items() if isinstance(value, LazyList) else value


def _loop_names(call: Call, node: Node) -> tuple[str | None, str]:
    """The names of the count, if it has one, and of the item."""
    if isinstance(node, Symbol):
        return None, name_of(call, node)
    if isinstance(node, List) and len(node.items) == 2:
        return name_of(call, node.items[0]), name_of(call, node.items[1])
    raise misshapen(call, node)


def _bodies(
    call: Call, names: tuple[str | None, str], items: Iterable[Value], at: Node, body: list[Node]
) -> Iterator[Value]:
    count, name = names
    for index, item in enumerate(items):
        bound = {name: share(name, item, at.span)}
        if count is not None:
            bound[count] = index
        yield call.expand_body(body, Scope(call.scope, bound))
