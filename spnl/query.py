"""The query: what a program asks for, as a small frozen tree.

Expanding a program makes a query; optimizing rewrites it; executing walks it. Nodes carry the span of the
form they came from, outside equality. Lists of children are tuples, so nothing changes after it is made.

What is shared is shared explicitly: a `Bind` stands for one value, compared by identity, and every `Ref`
to it means that same value. Two equal `Generate` nodes are two generations; two `Ref`s to one `Bind` are
one.

What depends on a text that is not generated yet is a `Deferred` node: a closure that the executor calls
when the values it waits for are known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal

from spnl.errors import SpnlError
from spnl.frozen import Frozen, Unique, aside
from spnl.source import Span

Role = Literal["system", "user", "assistant"]

Kind = Literal["text", "number", "bool", "list", "record", "function"]
"""The kinds of value that are not a query."""


class Query(Frozen):
    """Any node of a query."""

    span: Span | None = aside(default=None, kw_only=True)


class Message(Query):
    """One message. `text` is a query where it is not known before something is generated."""

    role: Role
    text: str | Query


class Structure(Query):
    """A node that holds children in order; `kind` is its name in the language and in JSON."""

    children: tuple[Query, ...]
    kind: ClassVar[str] = ""


class Seq(Structure):
    """Children that are read, and run, one after another."""

    kind = "seq"


class Cross(Structure):
    """Children run one after another, the last of which attends to all before it."""

    kind = "cross"


class Par(Structure):
    """Children that run independently."""

    kind = "par"


class Plus(Structure):
    """Children that run independently, and whose order in a prompt does not matter."""

    kind = "plus"


class Zip(Query):
    """Each result of `second`, paired with a copy of `first`."""

    first: Query
    second: Query


class Monad(Query):
    """`body` runs for its effect (a warm cache); it contributes nothing."""

    body: Query


class Print(Query):
    """A line for stdout, neither a value nor part of a prompt."""

    text: str | Query


Think = bool | Literal["low", "medium", "high"]


class Sampling(Frozen):
    """How to draw a reply. None: what the program did not say.

    `max_tokens` in tokens, at least 1; `temperature` at least 0, where 0 always takes the likeliest token;
    `top_p` in (0, 1]; `min_p` in [0, 1); `top_k` at least 1; penalties in [-2, 2] except
    `repetition_penalty`, above 0; `stop` ends the reply where it would say one of these texts;
    `seed`, at least 0 and below 2**31, decides what is drawn; with `ignore_eos` a reply goes on to
    `max_tokens`.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    stop: tuple[str, ...] | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repetition_penalty: float | None = None
    think: Think | None = None
    seed: int | None = None
    ignore_eos: bool | None = None

    def given(self) -> dict[str, Any]:
        """The parameters that the program named, by field name."""
        return {name: value for name, value in self.as_dict().items() if value is not None}


class Handling(Frozen):
    """What is done about a generation that takes too long or fails.

    `timeout` is in seconds, above 0, without loading and waiting for its turn; `retry` is how often it is
    asked again. None: what the program did not say.
    """

    timeout: float | None = None
    retry: int | None = None

    def given(self) -> dict[str, Any]:
        """What the program named, by field name."""
        return {name: value for name, value in self.as_dict().items() if value is not None}


class Generate(Query):
    """One reply of `model` to `input`. `model` is None where the program names none."""

    model: str | None
    input: Query
    sampling: Sampling = Sampling()
    handling: Handling = Handling()


class Repeat(Query):
    """`n` draws of one generation, whose input is evaluated once."""

    n: int
    generate: Generate


class Map(Query):
    """One generation for each of `inputs`, each a user message after `system`."""

    model: str | None
    inputs: tuple[str | Query, ...]
    sampling: Sampling = Sampling()
    system: str | Query | None = None
    handling: Handling = Handling()


class Bind(Unique):
    """A value that is computed at most once, however often it is used. Compares by identity."""

    name: str
    value: Query
    span: Span | None = aside(default=None, kw_only=True)


class Ref(Query):
    """A use of a shared value."""

    bind: Bind


class Deferred(Query, Unique):
    """What is known only once `waits` are: `resume` is then given their values, in order.

    `kind` says what sort of step it is: `apply` a function of texts, `choose` a branch, `each` expand a
    body for every item of a list. `name` is the form's name. `resume` gives back a value of the language:
    a text, a number, a list or again a query, which is then optimized and executed like any other.
    `gives` is the kind of that value where it is known beforehand.
    """

    kind: Literal["apply", "choose", "each"]
    name: str
    waits: tuple[Query, ...]
    resume: Callable[[tuple[Any, ...]], Any]
    gives: Kind | None = aside(default=None, kw_only=True)


class Attempt(Query, Unique):
    """`body`, or what `otherwise` gives where executing it fails: a value of the language.

    `otherwise` is given the error, and raises it again where it is none that a program may go on after.
    """

    body: Query
    otherwise: Callable[[SpnlError], Any]


def children(query: Query) -> tuple[Query, ...]:
    """The queries directly inside `query`, in source order. What a `Ref` refers to is not inside it."""
    match query:
        case Structure(children=inner):
            return inner
        case Message(text=text) | Print(text=text):
            return (text,) if isinstance(text, Query) else ()
        case Zip():
            return (query.first, query.second)
        case Monad() | Attempt():
            return (query.body,)
        case Generate():
            return (query.input,)
        case Repeat():
            return (query.generate,)
        case Map():
            texts = (*query.inputs, query.system)
            return tuple(text for text in texts if isinstance(text, Query))
        case Deferred():
            return query.waits
    return ()


def distinct_nodes(query: Query) -> Iterator[Query]:
    """Every node in `query` and in what its `Ref`s refer to, what stands in many places once."""
    pending = [query]
    seen: set[int] = set()  # structures and binds: one may stand in many places, and those in many more
    while pending:
        node = pending.pop()
        if isinstance(node, (Ref, Structure)):
            shared = node.bind if isinstance(node, Ref) else node
            if id(shared) in seen:
                continue
            seen.add(id(shared))
        if isinstance(node, Ref):
            pending.append(node.bind.value)
            continue
        yield node
        pending.extend(children(node))


def is_static(query: Query) -> bool:
    """Whether everything in `query` is known without running anything: messages and structures only."""
    pending = [query]
    seen: set[int] = set()  # structures: one may stand in many places, and those in many more
    while pending:
        node = pending.pop()
        if isinstance(node, Structure):
            if id(node) not in seen:
                seen.add(id(node))
                pending.extend(node.children)
        elif not isinstance(node, Message):
            return False
        elif isinstance(node.text, Query):
            pending.append(node.text)
    return True
