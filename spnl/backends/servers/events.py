"""What the events of a streamed reply say: pieces of text and thought, the end, usage, errors."""

from __future__ import annotations

import json
from typing import Any

from spnl.backends.base import Chunk, FinishReason, Usage
from spnl.backends.servers.failures import Asked, Failure, broken, refused
from spnl.errors import GenerationError

DONE = "[DONE]"
"""The event that ends a stream."""


class Reading:
    """One reply as far as it has been read: how it ends, and its usage, once the server has said so."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.reason: FinishReason | None = None
        self.usage = Usage()
        self.done = False

    def read(self, data: str) -> Chunk | None:
        """Take in one event: the piece of the reply in it, if there is one. Raises `Failure`."""
        if data.strip() == DONE:
            self.done = True
            return None
        event = self._object(data)
        if event.get("error"):
            raise self._failure(event, data)
        if isinstance(event.get("usage"), dict):
            self.usage = _usage(event["usage"])
        choices = event.get("choices")
        if not choices:
            return None
        try:
            choice = choices[0]
            delta = choice.get("delta") or {}
            text = delta.get("content") or ""
            thought = delta.get("reasoning_content") or delta.get("reasoning") or ""
            reason = choice.get("finish_reason")
        except (AttributeError, LookupError, TypeError):
            raise self._malformed(data) from None
        if not isinstance(text, str) or not isinstance(thought, str):
            raise self._malformed(data)
        if reason:
            self._finish(str(reason))
        return Chunk(text, thought) if text or thought else None

    def _object(self, data: str) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            raise self._malformed(data) from None
        if not isinstance(event, dict):
            raise self._malformed(data)
        return event

    def _malformed(self, data: str) -> Failure:
        shown = data if len(data) <= 60 else f"{data[:60]}…"
        return Failure(broken(self._asked, f"sent an event that makes no sense: {shown!r}"))

    def _failure(self, event: dict[str, Any], data: str) -> Failure:
        """The failure that a server reports in the middle of a stream, when its status is long sent."""
        error = event["error"]
        code = error.get("code") if isinstance(error, dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
        return refused(status, data, None, self._asked)

    def _finish(self, reason: str) -> None:
        if reason == "content_filter":
            message = (
                f"{self._asked.server} withheld the rest of the reply: its filter of contents stepped in"
            )
            raise Failure(GenerationError("reply-withheld", message))
        self.reason = "length" if reason == "length" else "stop"


def _usage(counts: dict[str, Any]) -> Usage:
    """The counts of an event; whatever is no number is 0."""
    details = counts.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    numbers = (counts.get("prompt_tokens"), cached, counts.get("completion_tokens"))
    return Usage(*(number if isinstance(number, int) and number > 0 else 0 for number in numbers))
