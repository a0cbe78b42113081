"""Calling forms: arguments are evaluated, checked against their types, and waited for where they must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from spnl.errors import ProgramError
from spnl.forms.call import Call
from spnl.forms.conversion import check_pending, wrong_type
from spnl.forms.matching import Given, match_nodes, match_values
from spnl.forms.registry import Form
from spnl.inputs import rests_on_unknown
from spnl.query import Deferred, Query
from spnl.syntax import Node, Symbol
from spnl.values import Value, WrongKind, fill


def call_form(call: Call, nodes: tuple[Node, ...]) -> Value:
    """Evaluate the arguments of a form, check them, and call it, now or when what it waits for is known."""
    given = list(match_nodes(call, nodes).values())
    written = [(node, entry) for entry in given for node in entry.nodes]
    if len(given) > 1:
        written.sort(key=lambda each: each[0].span.start)  # `ask` and `stdin` happen in source order
    for node, entry in written:
        is_word = isinstance(node, Symbol) and node.name in entry.param.type.words
        entry.values.append(str(node) if is_word else call.expand(node))
    return _call_when_known(call, given)


def call_with_values(call: Call, values: tuple[Value, ...]) -> Value:
    """Call a form that is used as a function: with values, all positional."""
    return _call_when_known(call, list(match_values(call, values).values()))


def _call_when_known(call: Call, given: list[Given]) -> Value:
    """Call the form's function, or defer the call where a value that it needs is not known yet.

    What is known already is checked now, so that a mistake in it is found before a model is loaded.
    """
    form = call.form
    call.places = {entry.param.python_name: entry.places for entry in given}
    waits: dict[int, Query] = {}
    for entry in given:
        _add_waits(form, entry, waits)
    if not waits:
        return _call(call, [_converted(form, entry, {}) for entry in given], given)
    ready = [None if _waits(entry) else _converted(form, entry, {}) for entry in given]

    def resume(values: tuple[Value, ...]) -> Value:
        known = dict(zip(waits, values, strict=True))
        converted = [
            _converted(form, entry, known) if done is None else done
            for entry, done in zip(given, ready, strict=True)
        ]
        return _call(call, converted, given)

    return Deferred("apply", form.name, tuple(waits.values()), resume, span=call.span, gives=form.gives)


def _waits(entry: Given) -> bool:
    return any(next(entry.param.type.waits(value), None) is not None for value in entry.values)


def _add_waits(form: Form, entry: Given, waits: dict[int, Query]) -> None:
    """Add the queries that must be known first, by `id`; those that cannot fit are refused now."""
    kind = entry.param.type
    for index, (value, place) in enumerate(zip(entry.values, entry.places, strict=True)):
        for query in kind.waits(value):
            if kind.known and not rests_on_unknown(query):
                what = f"{entry.what(form, index)} must be known before anything is generated"
                raise ProgramError(
                    "not-known-yet",
                    f"{what}, but this is a generated text",
                    span=place,
                    helps=("write it as a text, or take it from `(arg NAME)` or `(env NAME)`",),
                )
            if query is value:
                check_pending(kind, entry.what(form, index), query, place)
            waits[id(query)] = query


def _converted(form: Form, entry: Given, known: dict[int, Value]) -> list[Any]:
    """The values of a parameter as the function takes them, with `known` in place of what was pending."""
    kind = entry.param.type
    converted: list[Any] = []
    for index, (value, place) in enumerate(zip(entry.values, entry.places, strict=True)):
        filled = fill(value, known) if known else value
        try:
            converted.append(kind.convert(filled, place))
        except WrongKind as wrong:
            raise wrong_type(kind, entry.what(form, index), filled, place, wrong) from None
    return converted


def _call(call: Call, converted: list[list[Any]], given: list[Given]) -> Value:
    """Call the function with converted values."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for entry, values in zip(given, converted, strict=True):
        if entry.param.variadic:
            positional.extend(values)
        elif entry.param.type.many:
            named[entry.param.python_name] = entry.param.type.gather(values, entry.span, entry.places)
        else:
            named[entry.param.python_name] = values[0]
    function: Callable[..., Value] = call.form.function
    if not positional:
        return function(call, **named)
    before = [p for p in call.form.params if p.positional and not p.variadic]
    leading = [named.pop(p.python_name, p.default) for p in before]
    return function(call, *leading, *positional, **named)
