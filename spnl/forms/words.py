"""Words: texts made of values."""

from spnl.errors import ProgramError, did_you_mean
from spnl.forms.registry import Call, form
from spnl.forms.template import BadTemplate, Hole, pieces_of
from spnl.forms.types import AnyValue, Text
from spnl.query import Query
from spnl.source import Span
from spnl.values import Value, WrongKind, concat, kind, to_text


@form("format")
def format_(call: Call, template: Text, *values: AnyValue) -> str | Query:
    """A text with holes filled: `{}` by the arguments in order, `{name}` by a name in scope.

    `{{` and `}}` stand for braces.

    (let ((city "Paris")) (format "{city} has {} letters" (length city)))
    """
    place = call.place("template")
    try:
        pieces = pieces_of(template)
    except BadTemplate as bad:
        raise bad_template(bad.reason, place, bad.advice) from None
    holes = sum(1 for piece in pieces if isinstance(piece, Hole) and not piece)
    if holes != len(values):
        raise _wrong_count(call, holes, len(values))
    parts: list[str | Query] = []
    used = 0
    for piece in pieces:
        if not isinstance(piece, Hole):
            parts.append(piece)
        elif piece:
            parts.append(_text(_named(piece, call), place))
        else:
            parts.append(_text(values[used], call.place("values", used)))
            used += 1
    return concat(tuple(parts), "format", call.span) if parts else ""


def bad_template(what: str, span: Span, *helps: str) -> ProgramError:
    """The error for a template that cannot be filled."""
    return ProgramError("bad-template", f"this template {what}", span=span, helps=helps)


def _named(name: str, call: Call) -> Value:
    scope = call.scope.find(name)
    if scope is None:
        near = did_you_mean(name, call.scope.visible())
        raise bad_template(f"names `{name}`, which is not defined here", call.place("template"), *near)
    return scope.names[name]


def _text(value: Value, place: Span) -> str | Query:
    try:
        return to_text(value)
    except WrongKind as wrong:
        raise ProgramError(
            "wrong-type",
            f"`format` fills holes with texts, but this is {kind(value)}",
            span=place,
            helps=wrong.helps,
        ) from None


def _wrong_count(call: Call, holes: int, given: int) -> ProgramError:
    """Too few arguments: at the template; too many: at the first that has no hole."""
    what = f"has {holes or 'no'} `{{}}`, but {given or 'no'} argument{'s' * (given != 1)}"
    place = call.place("values", holes) if given > holes else call.place("template")
    return bad_template(what, place, "give one argument for each `{}`; write `{{}}` for braces that stay")
