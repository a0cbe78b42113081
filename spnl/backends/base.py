"""The seam to whatever runs a model: what a backend is asked, and what it answers.

A backend knows how to turn a model's name into an `Engine`; an engine turns a `Request` into a stream of
`Chunk`s that ends with one `Finish`. Engines know nothing of queries, and the executor knows nothing of
engines beyond this module, so an engine may live in this process, in another, or behind a network.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

from spnl.frozen import Frozen
from spnl.query import Sampling

FinishReason = Literal["stop", "length"]


class Constraint(Frozen):
    """What a reply has to be: `text` is a JSON schema, a regular expression or a grammar, as `kind` says."""

    kind: Literal["json_schema", "regex", "lark", "llguidance"]
    text: str


class Request(Frozen):
    """One generation: `messages` as (role, text) pairs in order, and how to draw the reply.

    `sampling.max_tokens` and `sampling.temperature` are always set; whatever else is None is the engine's
    to decide. `top_logprobs`: tell each token's log probability, and those of so many of the likeliest; None
    for none.
    """

    messages: tuple[tuple[str, str], ...]
    sampling: Sampling
    constraint: Constraint | None = None
    top_logprobs: int | None = None


class Logprob(Frozen):
    """One token that was drawn: its text, its natural log probability, and those of the likeliest there.

    The text of a token that is part of a character only is what can be shown of it.
    """

    text: str
    value: float
    likeliest: tuple[tuple[str, float], ...] = ()


class Chunk(Frozen):
    """A piece of the reply, or of the thought before it. Neither is a token: count with `Usage`.

    `logprob` is that of the token that the engine drew here, where the request asked for it.
    """

    text: str = ""
    thought: str = ""
    logprob: Logprob | None = None


class Usage(Frozen):
    """Tokens of one generation, as the engine counted them; `cached_tokens` of the prompt were reused."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


class Finish(Frozen):
    """The end of a stream: why it ended (the model stopped, or `max_tokens` were made), and its usage."""

    reason: FinishReason
    usage: Usage


class Batching(Frozen):
    """What an engine makes of several streams at once, and of prompts that begin alike: facts of its device.

    `streams`: it takes no more at once. `prefills`: so many prompts may be read at the same time; the next
    stream is opened when an earlier one has said something. `equal_only`: only sequences of equal length gain
    from decoding together. `lending`: so many sequences that finished last lend a prompt what it has in
    common with theirs, which is then not read again; 0 for none. `lends_early`: those that still decode lend
    too.
    """

    streams: int = 1024
    prefills: int = 1024
    equal_only: bool = False
    lending: int = 0
    lends_early: bool = False


class Engine(Protocol):
    """One loaded model."""

    parallel: int
    """How many streams at once are worth having on this engine's device; at least 1."""

    batching: Batching

    def stream(self, request: Request) -> Iterator[Chunk | Finish]:
        """The reply, piece by piece, ending with one `Finish`.

        The call waits until the engine takes the request, and the iterator blocks while the model works, so
        both belong into a thread of their own. Closing the iterator cancels the generation. Any number of
        streams may be open, from different threads. Raises `SpnlError`s only.
        """
        ...

    def render(self, request: Request) -> str | None:
        """The prompt as the model reads it, where this can be told."""
        ...

    def count_tokens(self, request: Request) -> int | None:
        """How long the prompt is, in tokens, where this can be told within a millisecond or so.

        Called only while no stream is open.
        """
        ...

    def close(self) -> None:
        """Give the memory back. No stream may be open, and none is opened afterwards."""
        ...


class Backend(Protocol):
    """A way to run models, named by the prefix of a model's name."""

    def load(self, model: str) -> Engine:
        """The engine for a model's name without its prefix, ready to stream. Raises `ModelError`."""
        ...

    def describe(self, model: str, fully: bool) -> str | None:
        """What would be loaded, for a notice before a load that takes a while; None where it will not.

        With `fully` always, with which file that is and why this one.
        """
        ...


def worth(engine: Engine, parallel: int | None = None) -> int:
    """How many streams of an engine are worth having at once, or `parallel` of them; it takes no more."""
    return min(parallel or engine.parallel, engine.batching.streams)
