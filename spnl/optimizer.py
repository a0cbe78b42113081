"""Optimizing: query to query, by rules that keep what a program means.

A rule is a function from one node, whose children are already optimized, to its replacement, or to the node
itself where the rule has nothing to say. No rule changes which generations are asked for, what each is asked,
or the texts of the result and their order.

The rules are upstream's simplifications but for two, which do change what a program means. A `plus` of
generations never becomes a `map`: its result would be another structure, which `zip` pairs otherwise, and
empty replies would stay that a `plus` leaves out; nothing is gained, because the executor runs either alike.
And a `plus` that begins with a `seq` keeps it: its children would no longer run one after another.
"""

from __future__ import annotations

from collections.abc import Callable

from spnl.query import (
    Attempt,
    Cross,
    Deferred,
    Generate,
    Map,
    Message,
    Monad,
    Par,
    Plus,
    Print,
    Query,
    Repeat,
    Seq,
    Structure,
    Zip,
)
from spnl.values import pending_kind

Rule = Callable[[Query], Query]


def drop_empty(query: Query) -> Query:
    """A child that can contribute nothing is left out: an empty message, an empty structure."""
    if isinstance(query, Structure) and any(map(_is_empty, query.children)):
        return _with_children(query, tuple(child for child in query.children if not _is_empty(child)))
    return query


def flatten_seq(query: Query) -> Query:
    """A `seq` within a `seq` is part of it; a `seq` of one is that one."""
    return _unwrapped(_spliced(query, Seq)) if isinstance(query, Seq) else query


def flatten_plus(query: Query) -> Query:
    """A `plus` within a `plus` is part of it."""
    return _spliced(query, Plus) if isinstance(query, Plus) else query


def merge_par_of_plus(query: Query) -> Query:
    """A `par` of one is that one; a `par` of nothing but `plus` is one `plus` of all their children."""
    if not isinstance(query, Par) or not query.children:
        return query
    if all(isinstance(child, Plus) for child in query.children):
        return _spliced(Plus(query.children, span=query.span), Plus)
    return _unwrapped(query)


def flatten_cross(query: Query) -> Query:
    """A `cross` that ends a `cross` is part of it."""
    if isinstance(query, Cross) and query.children and isinstance(query.children[-1], Cross):
        return _with_children(query, (*query.children[:-1], *query.children[-1].children))
    return query


RULES: tuple[Rule, ...] = (drop_empty, flatten_seq, flatten_plus, merge_par_of_plus, flatten_cross)
"""The rules in the order in which they are tried at each node."""


def optimize(query: Query, rules: tuple[Rule, ...] = RULES) -> Query:
    """The query after all rules, applied from the leaves up.

    What a `Ref` refers to is optimized when it is first executed, as is what a `Deferred` gives.
    """
    return _Optimizer(rules).visit(query)


class _Optimizer:
    """One pass over one query. A shared value is left as it is: its identity is its meaning."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = rules

    def visit(self, query: Query) -> Query:
        query = self._inside(query)
        for rule in self._rules:
            query = rule(query)
        return query

    def _inside(self, query: Query) -> Query:
        """The node with its children optimized; itself where none of them changed."""
        match query:
            case Structure(children=children):
                visited = tuple(map(self.visit, children))
                return query if _same(visited, children) else _with_children(query, visited)
            case Message(text=Query() as text) | Print(text=Query() as text):
                return query.but(text=self.visit(text))
            case Zip(first=first, second=second):
                return query.but(first=self.visit(first), second=self.visit(second))
            case Monad(body=body) | Attempt(body=body):
                return query.but(body=self.visit(body))
            case Generate():
                return self._inside_generate(query)
            case Repeat(generate=generate):
                return query.but(generate=self._inside_generate(generate))
            case Map(inputs=inputs, system=system):
                return self._inside_map(query, inputs, system)
            case Deferred(waits=waits):
                visited = tuple(map(self.visit, waits))
                return query if _same(visited, waits) else query.but(waits=visited)
        return query

    def _inside_generate(self, query: Generate) -> Generate:
        visited = self.visit(query.input)
        return query if visited is query.input else query.but(input=visited)

    def _inside_map(self, query: Map, inputs: tuple[str | Query, ...], system: str | Query | None) -> Map:
        if all(isinstance(text, str) for text in inputs) and not isinstance(system, Query):
            return query
        visited = tuple(self.visit(text) if isinstance(text, Query) else text for text in inputs)
        return query.but(inputs=visited, system=self.visit(system) if isinstance(system, Query) else system)


def _same(visited: tuple[Query, ...], before: tuple[Query, ...]) -> bool:
    return all(new is old for new, old in zip(visited, before, strict=True))


def _with_children(query: Structure, children: tuple[Query, ...]) -> Structure:
    return type(query)(children, span=query.span)


def _is_empty(query: Query) -> bool:
    """Whether a node certainly contributes no message and asks for nothing."""
    if isinstance(query, Message):
        return query.text == ""
    return isinstance(query, Structure) and not query.children


def _unwrapped(query: Structure) -> Query:
    """The only child of a structure of one: but what comes to a list, say, is a text only within it."""
    if len(query.children) == 1 and pending_kind(query.children[0]) == "text":
        return query.children[0]
    return query


def _spliced(query: Structure, kind: type[Structure]) -> Structure:
    """The structure with the children of those of its children that are of `kind` in their place."""
    if not any(isinstance(child, kind) for child in query.children):
        return query
    spliced: list[Query] = []
    for child in query.children:
        spliced.extend(child.children if isinstance(child, kind) else (child,))
    return _with_children(query, tuple(spliced))
