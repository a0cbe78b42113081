"""The errors of expanding: names that are not there, and what cannot be called."""

from __future__ import annotations

from spnl.errors import ProgramError, did_you_mean
from spnl.forms.registry import FORMS, Form
from spnl.scope import Closure, Scope
from spnl.source import Span
from spnl.syntax import List, Node, Symbol
from spnl.values import Value, kind


def empty_list(node: List) -> ProgramError:
    """`()`."""
    return ProgramError(
        "empty-list",
        "`()` names no form",
        span=node.span,
        helps=("write a form's name after the `(`; an empty list of data is `(list)`",),
    )


def unknown_form(head: Symbol, scope: Scope) -> ProgramError:
    """`(nmae …)`."""
    return ProgramError(
        "unknown-form",
        f"there is no form `{head.name}`",
        span=head.span,
        helps=did_you_mean(head.name, [*FORMS, *scope.visible()]),
    )


def unbound(symbol: Symbol, scope: Scope) -> ProgramError:
    """`nmae`."""
    return ProgramError(
        "unbound-name",
        f"`{symbol.name}` is not defined",
        span=symbol.span,
        helps=did_you_mean(symbol.name, [*scope.visible(), *FORMS])
        or (f'a text is written in quotes: `"{symbol.name}"`',),
    )


def not_a_value(symbol: Symbol, form: Form) -> ProgramError:
    """A form that reads its own syntax, where a function is due."""
    return ProgramError(
        "not-a-value",
        f"`{symbol.name}` cannot be used as a value",
        span=symbol.span,
        helps=(f"write {form.signature}",),
    )


def not_callable(head: Node, value: Value) -> ProgramError:
    """`("text" …)`."""
    shown = f"`{head.name}`, {kind(value)}," if isinstance(head, Symbol) else kind(value)
    return ProgramError(
        "not-callable",
        f"{shown} cannot be called",
        span=head.span,
        helps=("write a form's name after the `(`, or use `(list …)` for a list of values",),
    )


def wrong_arity(function: Closure, given: int, span: Span) -> ProgramError:
    """A function of the program, called with too few or too many values."""
    takes = len(function.params)
    params = " ".join(function.params)
    written = f"(lambda ({params}) …)" if function.name == "lambda" else f"({function.name} {params})"
    return ProgramError(
        "too-many-arguments" if given > takes else "missing-argument",
        f"`{function.name}` takes {takes} argument{'s' * (takes != 1)}, but is given {given}",
        span=span,
        helps=(f"it is written {written}",),
    )


def already_defined(name: str, span: Span, before: Span) -> ProgramError:
    """A second definition of one name."""
    return ProgramError(
        "repeated-name",
        f"`{name}` is already defined",
        span=span,
        notes=(f"defined before at {before}",),
        helps=("choose another name",),
    )
