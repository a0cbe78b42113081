"""Parts of a program that no run can reach, because of the literals that stand before them.

Only literals count, and what `not and or = < > <= >=` make of them: a name, a file or an argument may be
another in the next run. A form's name can be given to nothing else, so what is said here is always right.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

from spnl.errors import ProgramError
from spnl.source import Span
from spnl.syntax import Bool, List, Node, Number, Program, Symbol, Text

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}

_Dead = tuple[slice, str]
"""Which items of a list are never reached, and why."""


def unreachable_parts(program: Program) -> Iterator[ProgramError]:
    """A warning for each part that is never reached; none for what is within such a part."""
    stack: list[Node] = list(program.items)
    while stack:
        node = stack.pop()
        if not isinstance(node, List):
            continue
        items = list(node.items)
        if dead := _dead(node):
            place, why = dead
            parts = items[place]
            del items[place]
            yield ProgramError(
                "unreachable",
                f"this is never reached: {why}",
                span=Span(node.span.source, parts[0].span.start, parts[-1].span.end),
                helps=("leave it out, or test for what can change, as in `(= (arg NAME) TEXT)`",),
            )
        stack.extend(items)


def _dead(node: List) -> _Dead | None:
    """What is never reached directly in a list."""
    match node.items:
        case (Symbol(name="if"), condition, _) | (Symbol(name="if"), condition, _, _):
            return _dead_branch(_constant(condition), len(node.items))
        case (Symbol(name="and" | "or" as name), *conditions):
            decisive = name == "or"
            for index, condition in enumerate(conditions[:-1], 2):
                if _constant(condition) is decisive:
                    return slice(index, None), f"`{name}` ends at the condition before it"
        case (Symbol(name="try"), Text() | Number() | Bool(), _):
            return slice(2, 3), "what is tried cannot fail"
    return None


def _dead_branch(condition: bool | None, length: int) -> _Dead | None:
    """The branch of an `if` of so many items that is never taken."""
    if condition is None or (condition and length == 3):
        return None
    dead = 3 if condition else 2
    return slice(dead, dead + 1), f"the condition is always `{'#t' if condition else '#f'}`"


def _constant(node: Node) -> bool | None:
    """What a condition always comes to; None where that may change, or is not known to be a bool."""
    match node:
        case Bool(value=value):
            return value
        case List(items=(Symbol(name="not"), condition)):
            inner = _constant(condition)
            return None if inner is None else not inner
        case List(items=(Symbol(name="and" | "or" as name), *conditions)) if conditions:
            values = [_constant(condition) for condition in conditions]
            decisive = name == "or"
            if None not in values:
                return decisive if decisive in values else not decisive
            return decisive if decisive in values[: values.index(None)] else None
        case List(items=(Symbol(name=name), Text(value=one), Text(value=other))) if name == "=":
            return one == other
        case List(items=(Symbol(name=name), Number(value=int(one)), Number(value=int(other)))):
            return _COMPARISONS[name](one, other) if name in _COMPARISONS else None
    return None
