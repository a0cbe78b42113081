"""Matching what a program wrote to a form's parameters: clauses by name, positionals in order.

The messages about a missing, repeated, misspelt or superfluous argument are here, so that they read alike and
point at the argument itself.
"""

from __future__ import annotations

from spnl.errors import ProgramError, did_you_mean
from spnl.forms.call import Call
from spnl.forms.registry import FORMS, Form, Param
from spnl.source import Span
from spnl.syntax import List, Node, Symbol
from spnl.values import Value


class Given:
    """What is written for one parameter: nodes and, once they are evaluated, values, each with its place.

    `first` is the number of its first value among the form's positional arguments, from 1; 0 for a clause.
    """

    __slots__ = ("first", "nodes", "param", "places", "span", "values")

    def __init__(self, param: Param, first: int, nodes: list[Node], span: Span) -> None:
        self.param = param
        self.first = first
        self.nodes = nodes
        self.values: list[Value] = []
        self.places: list[Span] = [node.span for node in nodes]
        self.span = span

    def what(self, form: Form, index: int) -> str:
        """How messages call one of the values."""
        if self.first == 0:
            return f"clause `{self.param.name}`"
        if self.param.clause and not self.param.variadic:
            return f"`{self.param.name}` of `{form.name}`"
        return f"argument {self.first + index} of `{form.name}`"


Matched = dict[str, Given]
"""What is written for each parameter, by its name."""


def match_nodes(call: Call, nodes: tuple[Node, ...]) -> Matched:
    """Which nodes were written for which parameter. `ProgramError` where a call is not as the form is."""
    form = call.form
    matched: Matched = {}
    positionals: list[Node] = []
    for node in nodes:
        clause = _clause_name(form, node)
        if clause is None:
            positionals.append(node)
            continue
        assert isinstance(node, List)
        if clause in matched:
            raise ProgramError(
                "repeated-clause",
                f"`{form.name}` has two `{clause}` clauses",
                span=node.span,
                label="the second",
                helps=("keep one of them",),
            )
        param = form.clauses[clause]
        matched[clause] = Given(param, 0, _clause_nodes(param, node), node.span)
    _match_positionals(call, positionals, matched)
    _check_all_there(call, matched, [len(entry.nodes) for entry in matched.values()])
    return matched


def match_values(call: Call, values: tuple[Value, ...]) -> Matched:
    """Which values are given for which parameter, where a form is used as a function."""
    form = call.form
    free = _free_for(form, len(values), {})
    given: Matched = {}
    for number, value in enumerate(values, 1):
        if not free:
            raise _too_many(form, call.span)
        entry = given.setdefault(free[0].name, Given(free[0], number, [], call.span))
        entry.values.append(value)
        entry.places.append(call.span)
        if not free[0].variadic:
            free = free[1:]
    _check_all_there(call, given, [len(entry.values) for entry in given.values()])
    return given


def _clause_name(form: Form, node: Node) -> str | None:
    """The clause that a node is, or None where it is a positional argument."""
    if isinstance(node, List) and node.items and isinstance(node.items[0], Symbol):
        name = node.items[0].name
        if name in form.clauses:
            return name
    return None


def _clause_nodes(param: Param, clause: List) -> list[Node]:
    values = list(clause.items[1:])
    if not values:
        raise ProgramError(
            "missing-argument",
            f"clause `{param.name}` has no value",
            span=clause.span,
            helps=(f"it takes {param.type.name}",),
        )
    if len(values) > 1 and not (param.type.many or param.variadic):
        raise ProgramError(
            "too-many-arguments",
            f"clause `{param.name}` takes one value, but has {len(values)}",
            span=values[1].span,
            helps=(f"it takes {param.type.name}",),
        )
    return values


def _match_positionals(call: Call, nodes: list[Node], matched: Matched) -> None:
    """Give positionals, in order, to the parameters that no clause names."""
    form = call.form
    free = _free_for(form, len(nodes), matched)
    for number, node in enumerate(nodes, 1):
        _refuse_misspelt_clause(call, node)
        if not free:
            raise _too_many(form, node.span)
        param = free[0]
        if not param.variadic:
            matched[param.name] = Given(param, number, [node], node.span)
            free = free[1:]
        elif param.name in matched:
            matched[param.name].nodes.append(node)
            matched[param.name].places.append(node.span)
        else:
            matched[param.name] = Given(param, number, [node], call.span)


def _free_for(form: Form, count: int, matched: Matched) -> list[Param]:
    """The parameters that `count` positionals fill, in order: those that no clause names."""
    free = [param for param in form.params if param.positional and param.name not in matched]
    if count == 1 and form.lone is not None:
        return [param for param in free if param.name == form.lone] or free
    return free


def _refuse_misspelt_clause(call: Call, node: Node) -> None:
    """`(modle "x")` inside `generate` is a misspelt clause, not an unknown form; so is a lone `model`."""
    if isinstance(node, Symbol) and node.name in call.form.clauses:
        _refuse_bare_clause(call, node)
    if not (isinstance(node, List) and node.items and isinstance(node.items[0], Symbol)):
        return
    head = node.items[0]
    if not call.form.clauses or head.name in FORMS or call.scope.find(head.name) is not None:
        return
    clauses = ", ".join(call.form.clauses)
    raise ProgramError(
        "unknown-clause",
        f"`{call.form.name}` has no clause `{head.name}`, and there is no form of that name",
        span=head.span,
        helps=did_you_mean(head.name, [*call.form.clauses, *FORMS, *call.scope.visible()])
        or (f"its clauses are {clauses}",),
    )


def _refuse_bare_clause(call: Call, name: Symbol) -> None:
    """A clause's name without its parentheses, unless that names something else."""
    if name.name not in FORMS and call.scope.find(name.name) is None:
        raise ProgramError(
            "unbound-name",
            f"`{name.name}` is not defined; it is a clause of `{call.form.name}`",
            span=name.span,
            helps=(f"write it in parentheses, with its value: `({name.name} …)`",),
        )


def _check_all_there(call: Call, matched: Matched, counts: list[int]) -> None:
    """Refuse a call without all that it needs; `counts` are how many values the matched parameters have."""
    form = call.form
    given = dict(zip(matched, counts, strict=True))
    for param in form.params:
        needed = form.at_least if param.variadic else int(param.required)
        if given.get(param.name, 0) < needed:
            raise ProgramError(
                "missing-argument",
                f"`{form.name}` needs {_wanted(param, needed)}",
                span=call.span,
                helps=(f"write {form.usage}",),
            )


def _wanted(param: Param, count: int) -> str:
    if count > 1:
        return f"at least {count} {param.name}"
    if param.clause:
        return f"`{param.name}`"
    return param.type.name if param.variadic else f"{param.type.name} for {param.name.upper()}"


def _too_many(form: Form, span: Span) -> ProgramError:
    positional = [param for param in form.params if param.positional]
    count = len(positional)
    takes = "no argument" if count == 0 else "one argument" if count == 1 else f"{count} arguments"
    most = "at most " if count > 1 and not all(param.required for param in positional) else ""
    return ProgramError(
        "too-many-arguments",
        f"`{form.name}` takes {most}{takes}",
        span=span,
        label="one too many",
        helps=(f"write {form.usage}",),
    )
