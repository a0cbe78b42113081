"""Names that a program defines and never uses: a generation that is named and not used never runs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from spnl.errors import ProgramError
from spnl.syntax import List, Node, Program, Symbol, Text

_HOLE = re.compile(r"\{([^{}]+)\}")


def unused_names(program: Program) -> Iterator[ProgramError]:
    """A warning for each name of a `let` or `define` that stands nowhere else in the program.

    A name counts as used wherever it is written, also within the `{…}` of a text, so that a use is never
    missed; a file of nothing but definitions is there for others to import.
    """
    uses: Counter[str] = Counter()
    named: list[Symbol] = []
    for node in _nodes(program):
        if isinstance(node, Symbol):
            uses[node.name] += 1
        elif isinstance(node, Text):
            uses.update(name.strip() for name in _HOLE.findall(node.value))
        elif isinstance(node, List):
            named.extend(_names_bound(node))
    is_module = all(_head(node) in ("define", "import") for node in program.items)
    for symbol in named:
        if uses[symbol.name] == 1 and not is_module:
            yield ProgramError(
                "unused-name",
                f"`{symbol.name}` is never used",
                span=symbol.span,
                notes=("what is named and not used is not run",),
                helps=("use it, or leave it out",),
            )


def _nodes(program: Program) -> Iterator[Node]:
    stack: list[Node] = list(program.items)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, List):
            stack.extend(node.items)


def _names_bound(node: List) -> Iterator[Symbol]:
    """The names that a `let` or `define` gives."""
    match node.items:
        case (Symbol(name="let"), List(items=bindings), *_):
            for binding in bindings:
                if isinstance(binding, List) and binding.items and isinstance(binding.items[0], Symbol):
                    yield binding.items[0]
        case (Symbol(name="define"), Symbol() as name, *_):
            yield name
        case (Symbol(name="define"), List(items=(Symbol() as name, *_)), *_):
            yield name


def _head(node: Node) -> str | None:
    if isinstance(node, List) and node.items and isinstance(node.items[0], Symbol):
        return node.items[0].name
    return None
