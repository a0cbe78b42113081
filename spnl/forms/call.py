"""What a form is given beside its arguments: where it stands, and the way back to the expander.

Forms never import the expander; it is passed to them as a `Call`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from spnl.forms.registry import Form
    from spnl.inputs import Inputs
    from spnl.scope import Function, Scope
    from spnl.source import Span
    from spnl.syntax import List, Node, Text
    from spnl.values import Value


class Call(Protocol):
    """What a form is given beside its arguments: where it stands, and the way back to the expander."""

    form: Form
    node: List
    scope: Scope
    places: dict[str, list[Span]]
    """Where each argument is written, by the parameter's Python name."""

    @property
    def span(self) -> Span:
        """The place of the whole form."""
        ...

    @property
    def folder(self) -> str:
        """What relative paths are relative to."""
        ...

    @property
    def arguments(self) -> dict[str, str]:
        """The values given with `-D`."""
        ...

    @property
    def inputs(self) -> Inputs:
        """Where files, stdin, and a person's answers come from."""
        ...

    @property
    def at_top_level(self) -> bool:
        """Whether the form stands at the top level of the program."""
        ...

    def place(self, parameter: str, index: int = 0) -> Span:
        """Where an argument is written, by the parameter's Python name."""
        ...

    def define(self, name: str, value: Value, span: Span) -> None:
        """Name a value for the rest of the program; `span` is where it gets its name."""
        ...

    def definitions(self, path: Text) -> dict[str, Value]:
        """What the program file at `path` defines."""
        ...

    def expand(self, node: Node, scope: Scope | None = None) -> Value:
        """The value of a piece of syntax, in `scope` or in the scope of the call."""
        ...

    def foresee(self, nodes: Iterable[Node], *names: str) -> None:
        """Say what may be expanded later, and which names it will see beside those of the call.

        A form that evaluates its own syntax calls this for every part that it may leave out, so that
        `spnl check` finds what is wrong there.
        """
        ...

    def expand_body(self, nodes: Iterable[Node], scope: Scope) -> Value:
        """The value of a body: its one form's, or a `seq` of several."""
        ...

    def apply(self, function: Function, values: tuple[Value, ...]) -> Value:
        """The value of a function called with values."""
        ...
