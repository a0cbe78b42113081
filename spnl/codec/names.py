"""What nodes of a query are called in JSON: the names that their forms have in the language.

Imports `query`. Roles and structures know their own names; the rest stand here, once.
"""

from __future__ import annotations

from typing import Final, get_args

from spnl.query import (
    Cross,
    Generate,
    Map,
    Message,
    Monad,
    Par,
    Plus,
    Print,
    Query,
    Repeat,
    Role,
    Seq,
    Structure,
    Zip,
)

ROLES: Final[dict[str, Role]] = {role: role for role in get_args(Role)}
STRUCTURES: Final[dict[str, type[Structure]]] = {kind.kind: kind for kind in (Seq, Par, Plus, Cross)}

OTHERS: Final[dict[type[Query], str]] = {
    Generate: "g",
    Repeat: "repeat",
    Map: "map",
    Zip: "zip",
    Monad: "monad",
    Print: "print",
}
"""The names of the nodes that are neither messages nor structures."""


def name_of(query: Query) -> str:
    """The name of a node that can be written."""
    if isinstance(query, Message):
        return query.role
    return query.kind if isinstance(query, Structure) else OTHERS[type(query)]
