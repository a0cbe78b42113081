"""What the events of a streamed reply say: pieces of text and thought, the end, usage, errors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from spnl.backends.base import Chunk, Finish, FinishReason, Usage
from spnl.backends.servers.failures import Asked, Failure, broken, refused
from spnl.errors import GenerationError

DONE = "[DONE]"
"""The event that ends a stream."""


Piece = TypeVar("Piece", covariant=True)


class Reads(Protocol[Piece]):
    """What reads the events of one stream."""

    done: bool
    """Whether the stream has said that it ends."""

    @property
    def whole(self) -> bool:
        """Whether all that was asked for has come."""
        ...

    def read(self, data: str) -> Sequence[Piece]:
        """Take in one event: what it brings. Raises `Failure`."""
        ...

    def ending(self) -> Sequence[Piece]:
        """What stands at the end, once the stream has been read."""
        ...


class _Events:
    """One stream as far as it has been read."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self.usage = Usage()
        self.done = False

    def _choices(self, data: str) -> list[Any]:
        """The choices in an event; usage and the end of the stream are kept. Raises `Failure`."""
        if data.strip() == DONE:
            self.done = True
            return []
        event = self._object(data)
        if event.get("error"):
            raise self._failure(event, data)
        if isinstance(event.get("usage"), dict):
            self.usage = _usage(event["usage"])
        choices = event.get("choices") or []
        if not isinstance(choices, list):
            raise self._malformed(data)
        return choices

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

    def _reason(self, reason: object) -> FinishReason:
        """Why a reply ended, in our words."""
        if reason == "content_filter":
            message = f"{self._asked.server} withheld the rest of the reply: its content filter stepped in"
            helps = ("word the prompt in another way, or use another model",)
            raise Failure(GenerationError("reply-withheld", message, helps=helps))
        return "length" if reason == "length" else "stop"


class Reading(_Events):
    """The one reply of a chat request."""

    def __init__(self, asked: Asked) -> None:
        super().__init__(asked)
        self.reason: FinishReason | None = None

    @property
    def whole(self) -> bool:
        """Whether the server has said why the reply ended."""
        return self.reason is not None

    def read(self, data: str) -> Sequence[Chunk | Finish]:
        """The piece of the reply in an event, if there is one."""
        choices = self._choices(data)
        if not choices:
            return ()
        try:
            delta = choices[0].get("delta") or {}
            text = delta.get("content") or ""
            thought = delta.get("reasoning_content") or delta.get("reasoning") or ""
            reason = choices[0].get("finish_reason")
        except AttributeError:
            raise self._malformed(data) from None
        if not isinstance(text, str) or not isinstance(thought, str):
            raise self._malformed(data)
        if reason:
            self.reason = self._reason(reason)
        return (Chunk(text, thought),) if text or thought else ()

    def ending(self) -> Sequence[Chunk | Finish]:
        """The finish of the reply."""
        return (Finish(self.reason or "stop", self.usage),)


class BatchReading(_Events):
    """The replies to several prompts of one completions request, each piece with its prompt's number."""

    def __init__(self, asked: Asked, prompts: int) -> None:
        super().__init__(asked)
        self._reasons: list[FinishReason | None] = [None] * prompts

    @property
    def whole(self) -> bool:
        """Whether the server has said of each reply why it ended."""
        return None not in self._reasons

    def read(self, data: str) -> Sequence[tuple[int, Chunk | Finish]]:
        """The pieces of replies in an event."""
        pieces: list[tuple[int, Chunk | Finish]] = []
        for choice in self._choices(data):
            try:
                index, text, reason = choice["index"], choice.get("text") or "", choice.get("finish_reason")
            except (AttributeError, LookupError, TypeError):
                raise self._malformed(data) from None
            if index not in range(len(self._reasons)) or not isinstance(text, str):
                raise self._malformed(data)
            if reason:
                self._reasons[index] = self._reason(reason)
            if text:
                pieces.append((index, Chunk(text)))
        return pieces

    def ending(self) -> Sequence[tuple[int, Chunk | Finish]]:
        """The finish of each reply. Servers count a request as a whole, so of several there is no usage."""
        usage = self.usage if len(self._reasons) == 1 else Usage()
        return [(index, Finish(reason or "stop", usage)) for index, reason in enumerate(self._reasons)]


def _usage(counts: dict[str, Any]) -> Usage:
    """The counts of an event; whatever is no number is 0."""
    details = counts.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    numbers = (counts.get("prompt_tokens"), cached, counts.get("completion_tokens"))
    return Usage(*(number if isinstance(number, int) and number > 0 else 0 for number in numbers))
