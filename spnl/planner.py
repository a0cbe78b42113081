"""Plans: what a program would do, as a tree to read before anything is run.

A plan is data, made from syntax or from a query, with counts of what will be asked for; it is drawn as text,
as JSON, or as a Mermaid diagram.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spnl.executor.options import DEFAULT_MAX_TOKENS
from spnl.frozen import Frozen
from spnl.query import (
    Attempt,
    Bind,
    Deferred,
    Generate,
    Map,
    Message,
    Print,
    Query,
    Ref,
    Repeat,
    Structure,
    children,
)
from spnl.source import Span
from spnl.syntax import List, Node, Program
from spnl.values import preview
from spnl.visible import visible

AT_RUN_TIME = "known at run time"


class PlanNode(Frozen):
    """One line of a plan: what it is, more about it, and what is inside it."""

    name: str
    detail: str
    place: str
    children: tuple[PlanNode, ...]


class Sizes(Frozen):
    """What a program asks for, as far as this is known before it runs.

    `tokens` is the most that its generations may make together; `steps` counts what is only known at run
    time, which may ask for more.
    """

    generations: int
    tokens: int
    steps: int

    def __str__(self) -> str:
        parts = [f"{self.generations} generation{'s' * (self.generations != 1)}"]
        if self.generations:
            parts.append(f"at most {self.tokens} tokens out")
        if self.steps:
            parts.append(f"{self.steps} step{'s' * (self.steps != 1)} {AT_RUN_TIME}")
        return ", ".join(parts)


def plan_syntax(program: Program) -> PlanNode:
    """The plan of a program as it was read."""
    return PlanNode("program", "", "", tuple(map(_syntax_node, program.items)))


def _syntax_node(node: Node) -> PlanNode:
    if not isinstance(node, List) or not node.items:
        return PlanNode(_short(str(node)), "", _place(node.span), ())
    head, *rest = node.items
    if isinstance(head, List):
        return PlanNode("()", "", _place(node.span), tuple(map(_syntax_node, node.items)))
    return PlanNode(str(head), "", _place(node.span), tuple(map(_syntax_node, rest)))


def plan_query(query: Query) -> PlanNode:
    """The plan of a query; what is shared is drawn where it is first used."""
    return _Planner().node(query)


class _Planner:
    """Draws one query; `_drawn` remembers the shared values that have been."""

    def __init__(self) -> None:
        self._drawn: set[Bind] = set()

    def node(self, query: Query) -> PlanNode:
        if isinstance(query, Ref):
            return self._ref(query)
        inside = tuple(self.node(child) for child in children(query))
        return PlanNode(_name(query), _detail(query), _place(query.span), inside)

    def _ref(self, query: Ref) -> PlanNode:
        bind = query.bind
        name, place = f"`{bind.name}`", _place(query.span)
        if bind in self._drawn:
            return PlanNode(name, "shared, as above", place, ())
        self._drawn.add(bind)
        return PlanNode(name, "shared", place, (self.node(bind.value),))


def measure(query: Query) -> Sizes:
    """Count what a query asks for; what is shared counts once."""
    generations = tokens = steps = 0
    for node in _all_nodes(query):
        count = 0
        if isinstance(node, (Deferred, Attempt)):
            steps += 1
        elif isinstance(node, Repeat):
            # Its generation is also visited, as the first of its draws.
            count, sampling = node.n - 1, node.generate.sampling
        elif isinstance(node, Generate):
            count, sampling = 1, node.sampling
        elif isinstance(node, Map):
            count, sampling = len(node.inputs), node.sampling
        if count:
            generations += count
            tokens += count * (sampling.max_tokens or DEFAULT_MAX_TOKENS)
    return Sizes(generations, tokens, steps)


def _all_nodes(query: Query) -> Iterator[Query]:
    seen: set[Bind] = set()
    stack = [query]
    while stack:
        node = stack.pop()
        if isinstance(node, Ref):
            if node.bind not in seen:
                seen.add(node.bind)
                stack.append(node.bind.value)
            continue
        yield node
        stack.extend(children(node))


def _name(query: Query) -> str:
    match query:
        case Structure():
            return query.kind
        case Message(role=role):
            return role
        case Deferred(name=name):
            return name
        case Attempt():
            return "try"
    return type(query).__name__.lower()


def _detail(query: Query) -> str:
    match query:
        case Message(text=str() as text) | Print(text=str() as text):
            return preview(text)
        case Generate(model=model):
            return _asked(model, query)
        case Repeat(n=n):
            return f"{n} draws"
        case Map(model=model, inputs=inputs):
            return f"{len(inputs)} inputs, {_asked(model, query)}"
        case Deferred():
            return AT_RUN_TIME
        case Attempt():
            return f"where it fails, another value, {AT_RUN_TIME}"
    return ""


def _asked(model: str | None, query: Generate | Map) -> str:
    given = query.sampling.given() | query.handling.given()
    sampling = [f"{name.replace('_', '-')} {value}" for name, value in given.items()]
    return ", ".join([model or "the default model", *sampling])


def _place(span: Span | None) -> str:
    return str(span) if span is not None else ""


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def draw(root: PlanNode) -> str:
    """A plan as text: a line a node, with branches."""
    return "\n".join(_lines(root))


def _lines(root: PlanNode) -> Iterator[str]:
    """The lines of a tree, without recursion: it may be as deep as programs may nest."""
    stack: list[tuple[PlanNode, str, str]] = [(root, "", "")]
    while stack:
        node, first, rest = stack.pop()
        yield visible(first + (f"{node.name}  {node.detail}" if node.detail else node.name))
        last = len(node.children) - 1
        inside = [
            (child, rest + ("└─ " if index == last else "├─ "), rest + ("   " if index == last else "│  "))
            for index, child in enumerate(node.children)
        ]
        stack.extend(reversed(inside))


def to_data(node: PlanNode) -> dict[str, Any]:
    """A plan as JSON data."""
    data: dict[str, Any] = {"name": node.name}
    if node.detail:
        data["detail"] = node.detail
    if node.place:
        data["place"] = node.place
    if node.children:
        data["children"] = [to_data(child) for child in node.children]
    return data


def mermaid(root: PlanNode) -> str:
    """A plan as a Mermaid flowchart, for documents that show them."""
    lines = ["flowchart TD"]
    count = 0
    stack: list[tuple[PlanNode, str | None]] = [(root, None)]
    while stack:
        node, parent = stack.pop()
        name = f"n{count}"
        count += 1
        label = f"{node.name}<br/>{_escaped(node.detail)}" if node.detail else node.name
        lines.append(f'    {name}["{label}"]')
        if parent is not None:
            lines.append(f"    {parent} --> {name}")
        stack.extend((child, name) for child in reversed(node.children))
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """A text within a Mermaid label, where quotes and angle brackets are markup."""
    from html import escape

    return escape(visible(text)).replace("\n", " ")
