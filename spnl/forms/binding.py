"""Binding: names for values and functions, so that a text is generated once however often it is used."""

from collections.abc import Sequence

from spnl.errors import ProgramError
from spnl.forms.registry import Call, special
from spnl.forms.shapes import misshapen, name_of
from spnl.scope import Closure, Scope
from spnl.syntax import List, Node
from spnl.values import NOTHING, Value, share


@special("let", usage="(let ((NAME VALUE) …) BODY …)")
def let(call: Call) -> Value:
    """Name values for use in a body; each may use those before it.

    A generation that is named runs at most once, however often its name is used, and never if it is not.

    (let ((city (g "What is the capital of Italy?"))) (seq city (g (user "Repeat: " city))))
    """
    _, *rest = call.node.items
    if len(rest) < 2 or not isinstance(rest[0], List):
        raise misshapen(call, rest[0] if rest else call.node)
    scope = call.scope
    for binding in rest[0].items:
        if not (isinstance(binding, List) and len(binding.items) == 2):
            raise misshapen(call, binding)
        name = name_of(call, binding.items[0])
        value = call.expand(binding.items[1], scope)
        scope = Scope(scope, {name: share(name, value, binding.items[1].span)})
    return call.expand_body(rest[1:], scope)


@special("lambda", usage="(lambda (NAME …) BODY …)")
def lambda_(call: Call) -> Value:
    """A function without a name.

    ((lambda (word) (format "{word}, {word}!")) "Hello")
    """
    _, *rest = call.node.items
    if len(rest) < 2 or not isinstance(rest[0], List):
        raise misshapen(call, rest[0] if rest else call.node)
    params = _params(call, rest[0].items)
    call.foresee(rest[1:], *params)
    return Closure("lambda", params, tuple(rest[1:]), call.scope)


@special("define", usage="(define NAME VALUE) or (define (NAME PARAMETER …) BODY …)")
def define(call: Call) -> Value:
    """Name a value, or a function, for the rest of the program. Stands at top level.

    A generation that is named runs at most once; a function's body is expanded anew at each call.

    (define (capital country) (g (format "What is the capital of {country}?"))) (capital "Spain")
    """
    _, *rest = call.node.items
    if len(rest) < 2:
        raise misshapen(call, call.node)
    if not call.at_top_level:
        raise ProgramError(
            "not-at-top-level",
            "`define` stands at the top level of a program",
            span=call.span,
            helps=("to name a value within a form, use `(let ((NAME VALUE)) …)`",),
        )
    target, *body = rest
    if isinstance(target, List) and target.items:
        name, *params = target.items
        function = Closure(name_of(call, name), _params(call, params), tuple(body), call.scope)
        call.define(function.name, function, name.span)
        call.foresee(body, *function.params)
    else:
        if len(body) > 1:
            raise misshapen(call, body[1])
        named = name_of(call, target)
        call.define(named, share(named, call.expand(body[0]), body[0].span), target.span)
    return NOTHING


def _params(call: Call, nodes: Sequence[Node]) -> tuple[str, ...]:
    names = [name_of(call, node) for node in nodes]
    for index, (name, node) in enumerate(zip(names, nodes, strict=True)):
        if name in names[:index]:
            raise ProgramError(
                "repeated-name", f"two parameters are named `{name}`", span=node.span, label="the second"
            )
    return tuple(names)
