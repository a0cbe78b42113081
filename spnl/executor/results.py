"""Results: what a query comes to when it is executed, as a tree of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from spnl.backends.base import FinishReason, Usage
from spnl.errors import SpnlError
from spnl.frozen import Frozen, aside
from spnl.query import Role
from spnl.source import Span

Origin = Literal["program", "journal", "cache"]
"""Where a reply comes from that was not generated for its place: an equal generation of the same program, the
journal, or the cache."""


class Reply(Frozen):
    """What a model said: its text, its thought apart, and how the generation went.

    `index` counts the draws of a `repeat` and the inputs of a `map`, from 0; `limit` is how many tokens it
    might have. Times are in seconds: `first_token` from asking the engine to its first piece, `total` to its
    last; `asked` is when that was, from the run's beginning, and `waited` how long the generation had been
    due by then, without the loading of models. `reused` says where the reply comes from if it was not
    generated for this place; its usage is then that of the generation which made it.
    """

    text: str
    thought: str
    model: str
    reason: FinishReason
    usage: Usage
    index: int = 0
    limit: int = 0
    first_token: float = 0.0
    total: float = 0.0
    asked: float = 0.0
    waited: float = 0.0
    reused: Origin | None = None
    span: Span | None = aside(default=None, kw_only=True)


class Times(NamedTuple):
    """The times of one generation, in seconds, as a `Reply` has them."""

    first_token: float
    total: float
    asked: float
    waited: float


class Load(Frozen):
    """A model that was loaded: when that began, in seconds from the run's beginning, and how long it took."""

    model: str
    began: float
    seconds: float


class Leaf(Frozen):
    """One text of a result, and the reply that it is where a model said it.

    `error` is what failed, where this stands in the place of an answer that there is not.
    """

    role: Role
    text: str
    reply: Reply | None = None
    error: SpnlError | None = None
    span: Span | None = aside(default=None, kw_only=True)


class Branch(Frozen):
    """Results in order; `kind` is the structure's name: `seq`, `par`, `plus` or `cross`."""

    kind: str
    children: tuple[Result, ...]


Result = Leaf | Branch


class Execution(NamedTuple):
    """What a run came to: its result, every reply in the order in which they finished, and what failed.

    There are failures only in a run that keeps going. `loads` are the models that had to be loaded, `seconds`
    is how long it all took.
    """

    result: Result
    replies: tuple[Reply, ...]
    errors: tuple[SpnlError, ...]
    loads: tuple[Load, ...]
    seconds: float


NOTHING = Branch("seq", ())
"""The result of what contributes nothing."""


def leaves(result: Result) -> Iterator[Leaf]:
    """The leaves of a result in order."""
    stack = [result]
    while stack:
        node = stack.pop()
        if isinstance(node, Leaf):
            yield node
        else:
            stack.extend(reversed(node.children))


def result_text(result: Result) -> str:
    """A result where a text is due: its leaves' texts, joined by newlines."""
    return "\n".join(leaf.text for leaf in leaves(result))


def messages(result: Result) -> tuple[tuple[str, str], ...]:
    """A result as the messages of a prompt, in order; empty texts are no messages."""
    return tuple((leaf.role, leaf.text) for leaf in leaves(result) if leaf.text)


def branch(kind: str, results: Sequence[Result]) -> Result:
    """Results together, in the form in which whatever is made of them sees them.

    An empty text and an empty structure are nothing; a `seq` or a `par` of one is that one; structures that
    only say again what the outer one says are part of it. So what `zip` pairs does not depend on whether a
    query was optimized.
    """
    children = tuple(r for r in results if (r.text if isinstance(r, Leaf) else r.children))
    if kind == "par" and all(_is_of("plus", child) for child in children):
        kind = "plus" if children else kind
    if kind in ("seq", "plus"):
        children = tuple(part for child in children for part in _parts(kind, child))
    elif kind == "cross" and children:
        children = (*children[:-1], *_parts(kind, children[-1]))
    if len(children) == 1 and kind in ("seq", "par"):
        return children[0]
    return Branch(kind, children)


def _is_of(kind: str, result: Result) -> bool:
    """Whether a result is a structure of a kind."""
    return isinstance(result, Branch) and result.kind == kind


def _parts(kind: str, result: Result) -> tuple[Result, ...]:
    """The children of a structure of a kind; anything else by itself."""
    return result.children if isinstance(result, Branch) and result.kind == kind else (result,)


def _is_nothing(result: Result) -> bool:
    """Whether a result contributes no text; an empty reply to one of many inputs is still a reply."""
    if isinstance(result, Leaf):
        return not result.text and result.reply is None
    return not result.children


def zipped(first: Result, second: Result) -> Branch:
    """Each of `second`, paired with `first`: within a `plus` if `first` is one, else one after the other.

    What is nothing is not paired; with nothing, what there is stands alone.
    """
    kind, items = (second.kind, second.children) if isinstance(second, Branch) else ("seq", (second,))
    items = tuple(item for item in items if not _is_nothing(item))
    if _is_nothing(first):
        return Branch(kind, items)
    paired: list[Result] = []
    for item in items:
        if isinstance(first, Branch) and first.kind == "plus":
            paired.append(Branch("plus", (*first.children, item)))
        else:
            paired += [first, item]
    return Branch(kind, tuple(paired))
