"""Names and functions: what a piece of program can see, and what can be called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from spnl.syntax import Node
    from spnl.values import Value


class Function(Protocol):
    """A function of the language: the user's own, or a form used as a value."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...


class Closure:
    """A function of the program: its parameters and body, and the names it can see."""

    __slots__ = ("body", "name", "params", "scope")

    def __init__(self, name: str, params: tuple[str, ...], body: tuple[Node, ...], scope: Scope) -> None:
        self.name = name
        self.params = params
        self.body = body
        self.scope = scope


class Scope:
    """The names that a piece of program can see."""

    __slots__ = ("names", "parent")

    def __init__(self, parent: Scope | None = None, names: dict[str, Value] | None = None) -> None:
        self.parent = parent
        self.names: dict[str, Value] = names if names is not None else {}

    def find(self, name: str) -> Scope | None:
        """The innermost scope that has `name`, or None."""
        scope: Scope | None = self
        while scope is not None and name not in scope.names:
            scope = scope.parent
        return scope

    def visible(self) -> Iterator[str]:
        """Every name that can be seen from here, innermost first."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names
            scope = scope.parent
