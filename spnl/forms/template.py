"""Templates: texts with holes, `{}` for the next argument and `{name}` for what has that name."""

from __future__ import annotations

import re


class Hole(str):
    """A place in a template to be filled: with the value of this name, or in order where it is empty."""

    __slots__ = ()


class BadTemplate(Exception):
    """A template whose braces do not match. `reason` completes "this template …"."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice


def pieces_of(template: str) -> list[str | Hole]:
    """A template as literal texts and holes, in order. `{{` and `}}` are braces. `BadTemplate`."""
    pieces: list[str | Hole] = []
    literal: list[str] = []
    at = 0
    braces = re.compile("[{}]")
    while at < len(template):
        brace = braces.search(template, at)
        following = brace.start() if brace is not None else len(template)
        literal.append(template[at:following])
        at = following
        if template[at : at + 2] in ("{{", "}}"):
            literal.append(template[at])
            at += 2
        elif template[at : at + 1] == "{":
            end = template.find("}", at)
            if end < 0:
                raise BadTemplate("has a `{` without a `}`", "write `{{` for a brace")
            if any(literal):
                pieces.append("".join(literal))
            literal = []
            pieces.append(Hole(template[at + 1 : end].strip()))
            at = end + 1
        elif template[at : at + 1] == "}":
            raise BadTemplate("has a `}` without a `{`", "write `}}` for a brace")
    if any(literal):
        pieces.append("".join(literal))
    return pieces
