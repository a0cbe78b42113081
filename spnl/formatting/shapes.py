"""How the parts of each form are laid out, read from the registry of forms.

Imports the registry. A form that is added there has its layout without a change here.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from spnl.forms import FORMS, Form
from spnl.query import Query


class Shape(NamedTuple):
    """How a list with a name at its head is broken over lines.

    `body`: parts are indented by two, rather than aligned under the first. Of those, the first `leading` may
    stand on the head's line: any part of a form that reads its own syntax, else atoms and the clauses that
    `leading_clauses` names. `clauses` are the names that head a part as a clause, and not as a call.
    """

    body: bool
    leading: int = 0
    leads_any: bool = False
    leading_clauses: frozenset[str] = frozenset()
    clauses: frozenset[str] = frozenset()


CALL = Shape(body=False)
CLAUSE = Shape(body=True)


def shape_of(head: str, parent: Shape | None) -> Shape:
    """The shape of a list by its head, and by the shape of the list that it is a part of."""
    if parent is not None and head in parent.clauses:
        return CLAUSE
    return _form_shape(head) if head in FORMS else CALL


@cache
def _form_shape(name: str) -> Shape:
    form = FORMS[name]
    if form.special is not None:
        leading = _parts_before_body(form.special)
        return CALL if leading is None else Shape(body=True, leading=leading, leads_any=True)
    if not (form.clauses or _makes_query(form)):
        return CALL
    first = [param for param in form.params if param.positional and not param.variadic]
    return Shape(
        body=True,
        leading=len(first),
        leading_clauses=frozenset(param.name for param in first if param.clause and param.required),
        clauses=frozenset(form.clauses),
    )


def _parts_before_body(usage: str) -> int | None:
    """How many parts a form has before its body, by how it is written; None where it has no body."""
    for written in usage.split(" or "):
        parts = re.findall(r"\((?:[^()]|\([^()]*\))*\)|[^\s()]+", written.strip()[1:-1])
        for body in ("BODY", "THEN"):
            if body in parts:
                return parts.index(body) - 1
    return None


def _makes_query(form: Form) -> bool:
    """Whether a form's value is always a query: it is a tree of what is said, then, not a computation."""
    from inspect import signature

    made = signature(form.function, eval_str=True).return_annotation
    return isinstance(made, type) and issubclass(made, Query)
