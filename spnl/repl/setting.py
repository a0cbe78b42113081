"""`:set`: how replies are drawn where a program does not say, by the names and ranges of `generate`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from spnl.errors import ProgramError, did_you_mean
from spnl.forms.registry import FORMS
from spnl.query import Generate, Sampling
from spnl.reader import read
from spnl.source import Source
from spnl.syntax import List, Symbol, Text, quote
from spnl.values import scalar_text

if TYPE_CHECKING:
    from spnl.repl.session import Session

DEFAULT = "default"


def names() -> tuple[str, ...]:
    """What can be set."""
    return tuple(name for name in FORMS["generate"].clauses if _field(name) in Sampling._fields)


def change(session: Session, rest: str) -> Sampling:
    """The settings with one changed as `NAME VALUE` says. `ProgramError` with the place of what is wrong."""
    source = Source("<set>", rest)
    name, *values = read(source).items
    if not isinstance(name, Symbol) or name.name not in names():
        known = name.name if isinstance(name, Symbol) else ""
        raise ProgramError(
            "unknown-clause",
            f"there is no setting `{name}`",
            span=name.span,
            helps=did_you_mean(known, names()) or (f"there are {', '.join(names())}",),
        )
    field = _field(name.name)
    if [str(value) for value in values] == [DEFAULT]:
        return session.state.sampling.but(**{field: None})
    clause = List((name, *values), span=name.span)
    head, text = Symbol("generate", span=name.span), Text("-", span=name.span)
    query = session.workspace.value(List((head, text, clause), span=name.span))
    assert isinstance(query, Generate)
    return session.state.sampling.but(**{field: getattr(query.sampling, field)})


def shown(sampling: Sampling, name: str) -> Iterator[str]:
    """The settings as lines: all of them, or one."""
    for each in (name,) if name else names():
        value = getattr(sampling, _field(each), None)
        texts = value if isinstance(value, tuple) else (value,)
        yield f"{each} " + (
            DEFAULT
            if value is None
            else " ".join(
                quote(text) if isinstance(text, str) and each == "stop" else _shown(text) for text in texts
            )
        )


def _shown(value: object) -> str:
    return value if isinstance(value, str) else scalar_text(value)  # type: ignore[arg-type]


def _field(name: str) -> str:
    return name.replace("-", "_")
