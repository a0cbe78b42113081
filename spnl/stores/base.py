"""What a store keeps, and what it is asked: the seam that a run knows stores by.

A reply is kept under a key, which says what was asked of which model, and the number of its draw: at
temperature 0 there is one, otherwise a program that asks the same several times gets several, in order.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Literal, Protocol

from spnl.backends.base import FinishReason, Request, Usage
from spnl.frozen import Frozen

KEY_VERSION = 1
"""Goes into every key: what is kept is not found again once keys mean something else."""


class Kept(Frozen):
    """A finished reply as it is kept: what was said and thought, why it ended, and what it took then."""

    text: str
    thought: str
    reason: FinishReason
    usage: Usage

    @staticmethod
    def of(data: Any) -> Kept:
        """The reply that `Kept.data` wrote. Raises `ValueError` for anything else."""
        match data:
            case {
                "text": str(text),
                "thought": str(thought),
                "reason": "stop" | "length" as reason,
                "usage": [int(prompt), int(cached), int(completion)],
            }:
                return Kept(text, thought, reason, Usage(prompt, cached, completion))
        raise ValueError("no reply")

    def data(self) -> dict[str, Any]:
        """The reply for JSON."""
        usage = self.usage
        return {
            "text": self.text,
            "thought": self.thought,
            "reason": self.reason,
            "usage": [usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens],
        }


class Store(Protocol):
    """Keeps replies and finds them again. Used by one run, in its thread, and closed by who opened it."""

    origin: Literal["journal", "cache"]
    """What kind of store this is, as replies say where they come from."""

    def find(self, key: str, draw: int) -> Kept | None:
        """The reply that is kept under a key as its draw number `draw`, counted from 0."""
        ...

    def keep(self, key: str, draw: int, kept: Kept) -> None:
        """Keep a reply that is not there yet."""
        ...

    def close(self) -> None:
        """Make sure that what was kept lasts."""
        ...


def key_of(identity: str, request: Request) -> str:
    """The key of what a request asks of the model with an identity (`KeyedBackend.identity`).

    Parameters that the request leaves open take no part, and numbers that are equal are the same.
    """
    import json

    asked = {
        "version": KEY_VERSION,
        "model": identity,
        "messages": request.messages,
        "sampling": {name: _plain(value) for name, value in request.sampling.given().items()},
        "constraint": request.constraint and request.constraint.as_dict(),
    }
    return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    return float(value) if type(value) is int else value
