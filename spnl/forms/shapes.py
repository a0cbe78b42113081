"""Checks that the forms which read their own syntax share: names, and shapes."""

from spnl.errors import ProgramError
from spnl.forms.registry import FORMS, Call
from spnl.syntax import Node, Symbol


def name_of(call: Call, node: Node) -> str:
    """The name that a symbol gives to a value; a form's name cannot be one, so that readers can trust it."""
    if not isinstance(node, Symbol):
        raise misshapen(call, node)
    if node.name in FORMS:
        raise ProgramError(
            "reserved-name",
            f"`{node.name}` is a form of the language, and cannot name anything else",
            span=node.span,
            helps=(f"choose another name, such as `my-{node.name}`",),
        )
    return node.name


def misshapen(call: Call, node: Node) -> ProgramError:
    """The error for a part that does not fit the way a form is written."""
    return ProgramError(
        "bad-shape",
        f"this is not how `{call.form.name}` is written",
        span=node.span,
        helps=(f"write {call.form.signature}",),
    )


def needs(call: Call, parameter: str, *helps: str) -> ProgramError:
    """The error for a parameter without which a form means nothing."""
    return ProgramError(
        "missing-argument", f"`{call.form.name}` needs `{parameter}`", span=call.span, helps=helps
    )
