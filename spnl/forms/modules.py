"""Programs in several files."""

from spnl.errors import ProgramError
from spnl.forms.registry import Call, special
from spnl.forms.shapes import misshapen
from spnl.syntax import Node, Symbol, Text
from spnl.values import NOTHING, Value


@special("import", usage='(import "FILE") or (import "FILE" as PREFIX)')
def import_(call: Call) -> Value:
    """The definitions of another file; with `as p`, a definition `name` is called `p/name` here.

    Stands at top level. The file holds definitions only, and is loaded once. Its path is relative to the
    folder of the file that imports it.

    (import "capitals.spnl" as geo) (geo/capital "Spain")
    """
    _, *parts = call.node.items
    path, prefix = _parts(call, parts)
    if not call.at_top_level:
        raise ProgramError(
            "not-at-top-level",
            "`import` stands at the top level of a program",
            span=call.span,
            helps=("move it to the beginning of the file",),
        )
    for name, value in call.definitions(path).items():
        call.define(prefix + name, value, path.span)
    return NOTHING


def _parts(call: Call, parts: list[Node]) -> tuple[Text, str]:
    """The path, and what is put before each name."""
    match parts:
        case [Text() as path]:
            return path, ""
        case [Text() as path, Symbol(name="as"), Symbol(name=prefix)]:
            return path, f"{prefix}/"
    raise misshapen(call, parts[0] if parts and not isinstance(parts[0], Text) else call.node)
