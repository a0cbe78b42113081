"""The names of a session: what was defined and answered, and expanding with them.

A program defines a name once; a session may define it again, and can go back to the names it had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from spnl.errors import ProgramError
from spnl.expander import Expander
from spnl.frozen import Frozen
from spnl.inputs import Inputs
from spnl.modules import Loader
from spnl.scope import Scope
from spnl.source import Source, Span
from spnl.syntax import Node
from spnl.values import Value

ANSWERS = ("_", "_1", "_2")
"""The names of the last answer, the one before it, and the one before that."""


class SessionInputs(Inputs):
    """What a session's programs take from outside: `ask` asks the person, and stdin is the session's own."""

    def __init__(self, ask: Callable[[str], str | None]) -> None:
        super().__init__()
        self._ask = ask

    def stdin(self, span: Span) -> Value:
        """Nothing: `ProgramError` `no-stdin`."""
        raise ProgramError(
            "no-stdin",
            "there is nothing to read from stdin: the session itself comes that way",
            span=span,
            helps=('read a file with `(file "…")`, or run the program with `spnl run`',),
        )

    def ask(self, prompt: str, span: Span) -> Value | None:
        """The line that the person types."""
        return self._ask(prompt)


class Names(Frozen):
    """The names at top level at one time, with their values and where each was defined."""

    values: Mapping[str, Value] = MappingProxyType({})
    places: Mapping[str, Span] = MappingProxyType({})

    def defined(self) -> Iterator[str]:
        """The names that the session defined, without those of answers."""
        return (name for name in self.values if name not in ANSWERS)


class Workspace(Expander):
    """Expands the entries of a session, one after another."""

    def __init__(self, inputs: Inputs) -> None:
        super().__init__(inputs=inputs)
        self._own = self._module

    def define(self, name: str, value: Value, span: Span) -> None:
        """Name a value, also where the session has defined the name before."""
        if self._module is self._own:
            self._own.places.pop(name, None)
            self._own.scope.names.pop(name, None)
        super().define(name, value, span)

    def begin(self, source: Source) -> None:
        """Be ready for another entry: files that it imports are read anew."""
        self.loader = Loader(self.inputs, self._expand_top)
        self.loader.enter(source)

    def value(self, node: Node) -> Value:
        """The value of one top-level form; `NOTHING` for a definition. `ProgramError`."""
        from spnl.call_stack import deep_recursion

        with deep_recursion(node.span):
            return self._expand_top(self._own, node)

    @property
    def names(self) -> Names:
        """The names as they are now."""
        return Names(dict(self.top.names), dict(self._own.places))

    def restore(self, names: Names) -> None:
        """Go back to the names of another time."""
        _replace(self.top, names.values)
        self._own.places.clear()
        self._own.places.update(names.places)

    def name_answers(self, values: list[Value]) -> None:
        """Give the last answers their names; the last stands last."""
        self.top.names.update(zip(ANSWERS, reversed(values), strict=False))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Expand something that leaves no names behind."""
        before = self.names
        try:
            yield
        finally:
            self.restore(before)


def _replace(scope: Scope, values: Mapping[str, Value]) -> None:
    """Give a scope other names; functions that were defined in it see those from then on."""
    scope.names.clear()
    scope.names.update(values)
