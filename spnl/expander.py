"""Expanding: from syntax to a query, by evaluating everything that can be known without a model.

Names, functions, files, formats and loops over data are done with here. A generation is not run but becomes
a node; what depends on its text becomes a `Deferred` node that carries on with expanding when the text is
known. The forms do the work; this module finds them, gives them their `Call`, and applies functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from spnl import expand_errors
from spnl.answers import to_answer
from spnl.call_stack import Trace, deep_recursion, enter
from spnl.errors import ProgramError
from spnl.forms.arguments import call_form, call_with_values
from spnl.forms.registry import FORMS, Form, FormFunction
from spnl.inputs import Inputs
from spnl.modules import Loader, Module
from spnl.query import Deferred, Query
from spnl.scope import Closure, Function, Scope
from spnl.source import Span
from spnl.syntax import Bool, List, Node, Number, Program, Symbol, Text
from spnl.values import (
    NOTHING,
    Value,
    WrongKind,
    is_pending,
    joined,
    kind,
    pending_kind,
    share,
    to_queries,
)

__all__ = ["Expander", "ExpanderCall", "deep_recursion"]


class Expander:
    """Expands one program. `arguments` are the texts given with `-D`, `inputs` where all other data are from.

    Definitions at top level last as long as the expander: the REPL keeps one.
    """

    def __init__(self, arguments: Mapping[str, str] | None = None, inputs: Inputs | None = None) -> None:
        self.arguments = dict(arguments or {})
        self.inputs = inputs if inputs is not None else Inputs()
        self.loader = Loader(self.inputs, self._expand_top)
        self._module = Module()
        self._top_node: Node | None = None

    @property
    def top(self) -> Scope:
        """The names that are defined at top level."""
        return self._module.scope

    def program(self, program: Program) -> Query:
        """The query of a program: its one top-level form's, or a `seq` of several. `ProgramError`."""
        self.loader.enter(program.source)
        answers = [self.answer(node) for node in program.items]
        return joined(tuple(query for query in answers if query is not NOTHING), program.span)

    def answer(self, node: Node) -> Query:
        """What one top-level form prints; `NOTHING` for a definition. `ProgramError`."""
        with deep_recursion(node.span):
            value = self._expand_top(self._module, node)
            return NOTHING if value is NOTHING else to_answer(value, node.span)

    def expand(self, node: Node, scope: Scope, trace: Trace | None = None) -> Value:
        """The value of one piece of syntax."""
        if isinstance(node, List):
            return self._expand_list(node, scope, trace)
        if isinstance(node, Symbol):
            return self._look_up(node, scope)
        assert isinstance(node, (Text, Number, Bool))
        return node.value

    def expand_body(self, nodes: Iterable[Node], scope: Scope, trace: Trace | None) -> Value:
        """The value of a body: its one form's, or a `seq` of all of them."""
        values = [(self.expand(node, scope, trace), node.span) for node in nodes]
        if len(values) == 1:
            return values[0][0]
        queries: list[Query] = []
        for value, span in values:
            try:
                queries.extend(to_queries(value, span))
            except WrongKind as wrong:
                raise ProgramError(
                    "wrong-type",
                    f"a body of several forms is a `seq`, and {kind(value)} cannot be part of one",
                    span=span,
                    helps=wrong.helps,
                ) from None
        return joined(tuple(queries), values[0][1])

    def apply(self, function: Function, values: tuple[Value, ...], call: ExpanderCall, span: Span) -> Value:
        """The value of a function called with values."""
        trace = enter(function.name, span, call.trace)
        if isinstance(function, FormFunction):
            inner = ExpanderCall(self, function.form, call.node, call.scope, trace)
            return call_with_values(inner, values)
        assert isinstance(function, Closure)
        if len(values) != len(function.params):
            raise expand_errors.wrong_arity(function, len(values), span)
        names = {name: share(name, value, span) for name, value in zip(function.params, values, strict=True)}
        return self.expand_body(function.body, Scope(function.scope, names), trace)

    def define(self, name: str, value: Value, span: Span) -> None:
        """Name a value for the rest of the file; a name is defined once."""
        module = self._module
        if name in module.places:
            if module.scope.names[name] is value:
                return  # the same definition, imported once more
            raise expand_errors.already_defined(name, span, module.places[name])
        module.places[name] = span
        module.scope.names[name] = value

    def foresee(self, nodes: Iterable[Node], names: Iterable[str], scope: Scope, trace: Trace | None) -> None:
        """Told of what may be expanded later, where `names` will be defined; `spnl check` looks at it."""

    def is_at_top(self, node: Node) -> bool:
        """Whether `node` is the top-level form that is being expanded."""
        return node is self._top_node

    def _expand_top(self, module: Module, node: Node) -> Value:
        """The value of a top-level form of a module."""
        before = self._module, self._top_node
        self._module, self._top_node = module, node
        try:
            return self.expand(node, module.scope)
        finally:
            self._module, self._top_node = before

    def _expand_list(self, node: List, scope: Scope, trace: Trace | None) -> Value:
        if not node.items:
            raise expand_errors.empty_list(node)
        head, *arguments = node.items
        if isinstance(head, Symbol):
            form = FORMS.get(head.name)  # first, because no other name can be a form's
            if form is not None:
                call = ExpanderCall(self, form, node, scope, trace)
                if form.special is None:
                    return call_form(call, tuple(arguments))
                value: Value = form.function(call)
                return value
            found = scope.find(head.name)
            if found is None:
                raise expand_errors.unknown_form(head, scope)
            function = found.names[head.name]
        else:
            function = self.expand(head, scope, trace)
        values = tuple([self.expand(argument, scope, trace) for argument in arguments])
        call = ExpanderCall(self, _NO_FORM, node, scope, trace)
        return self._call(function, values, call, head)

    def _call(self, function: Value, values: tuple[Value, ...], call: ExpanderCall, head: Node) -> Value:
        """The value of a call, where the function itself may depend on what is generated."""
        if isinstance(function, (Closure, FormFunction)):
            return self.apply(function, values, call, call.span)
        if isinstance(function, Query) and is_pending(function) and pending_kind(function) is None:

            def resume(known: tuple[Value, ...]) -> Value:
                return self._call(known[0], values, call, head)

            return Deferred("choose", "call", (function,), resume, span=call.span)
        raise expand_errors.not_callable(head, function)

    def _look_up(self, symbol: Symbol, scope: Scope) -> Value:
        found = scope.find(symbol.name)
        if found is not None:
            return found.names[symbol.name]
        form = FORMS.get(symbol.name)
        if form is None:
            raise expand_errors.unbound(symbol, scope)
        if form.special is not None:
            raise expand_errors.not_a_value(symbol, form)
        return FormFunction(form)


class ExpanderCall:
    """What a form is given beside its arguments (`spnl.forms.registry.Call`)."""

    __slots__ = ("_expander", "form", "node", "places", "scope", "trace")

    def __init__(self, expander: Expander, form: Form, node: List, scope: Scope, trace: Trace | None) -> None:
        self._expander = expander
        self.form = form
        self.node = node
        self.scope = scope
        self.trace = trace
        self.places: dict[str, list[Span]] = {}

    @property
    def span(self) -> Span:
        """The place of the whole form."""
        return self.node.span

    @property
    def folder(self) -> str:
        """What relative paths are relative to."""

        return self.node.span.source.folder

    @property
    def arguments(self) -> dict[str, str]:
        """The values given with `-D`."""
        return self._expander.arguments

    @property
    def inputs(self) -> Inputs:
        """Where files, stdin, and a person's answers come from."""
        return self._expander.inputs

    @property
    def at_top_level(self) -> bool:
        """Whether the form stands at the top level of the program."""
        return self._expander.is_at_top(self.node)

    def place(self, parameter: str, index: int = 0) -> Span:
        """Where an argument is written, by the parameter's Python name; the form, where it is not given."""
        places = self.places.get(parameter, ())
        return places[index] if index < len(places) else self.span

    def define(self, name: str, value: Value, span: Span) -> None:
        """Name a value for the rest of the program; `span` is where it gets its name."""
        self._expander.define(name, value, span)

    def definitions(self, path: Text) -> dict[str, Value]:
        """What the program file at `path` defines."""
        return self._expander.loader.definitions(path)

    def expand(self, node: Node, scope: Scope | None = None) -> Value:
        """The value of a piece of syntax, in `scope` or in the scope of the call."""
        return self._expander.expand(node, scope or self.scope, self.trace)

    def foresee(self, nodes: Iterable[Node], *names: str) -> None:
        """Say what may be expanded later, and which names it will see."""
        self._expander.foresee(nodes, names, self.scope, self.trace)

    def expand_body(self, nodes: Iterable[Node], scope: Scope) -> Value:
        """The value of a body: its one form's, or a `seq` of several."""
        return self._expander.expand_body(nodes, scope, self.trace)

    def apply(self, function: Function, values: tuple[Value, ...]) -> Value:
        """The value of a function called with values."""
        return self._expander.apply(function, values, self, self.span)


_NO_FORM = Form(("call",), lambda call: NOTHING, special="(FUNCTION ARGUMENT …)")
"""Stands in for the form where a call is of the program's own function."""
