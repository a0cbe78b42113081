"""What the steps of a node's evaluation want from the machine that runs them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

from spnl.backends.base import Request
from spnl.executor.answer import Place
from spnl.query import Bind, Handling, Query
from spnl.source import Span


class Evaluate(NamedTuple):
    """Wants the result of a node, whose texts show at `place`."""

    node: Query
    place: Place


class ValueOf(NamedTuple):
    """Wants the value of a node: what a deferred step gives, the text of anything else."""

    node: Query
    place: Place


class Shared(NamedTuple):
    """Wants what a shared value comes to: a result, or the value of a deferred step."""

    bind: Bind
    place: Place


class Ask(NamedTuple):
    """Wants a model's reply, as a leaf."""

    model: str
    request: Request
    place: Place
    span: Span | None
    draw: int = 0
    keep_empty: bool = False
    names_model: bool = False
    """Whether the model is named at `span`."""
    handling: Handling = Handling()
    one_of_several: bool = False
    """Whether it is one of several from `span`; `draw` says which."""


class Together(NamedTuple):
    """Wants several things, in any order of work; they come back in this order."""

    wants: Sequence[Evaluate | ValueOf | Ask]


Want = Evaluate | ValueOf | Shared | Ask | Together
Steps = Generator[Want, Any, Any]
