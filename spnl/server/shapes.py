"""The two shapes in which OpenAI's API answers: a chat's, and a completion's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from msgspec import UNSET, Struct

from spnl.backends import base
from spnl.server.replies import (
    ChatChoice,
    ChatCompletion,
    ChatLogprobs,
    ChatPiece,
    ChatPieceChoice,
    Completion,
    CompletionChoice,
    CompletionLogprobs,
    Delta,
    FinishReason,
    PromptDetails,
    ReplyMessage,
    TokenLogprob,
    TopLogprob,
    Usage,
)

IMPOSSIBLE = -9999.0


class Gathered:
    """One reply, as far as it has come."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self.logprobs: list[base.Logprob] = []
        self.reason: FinishReason = "stop"
        self.length = 0

    def add(self, chunk: base.Chunk) -> None:
        """A piece more."""
        self.texts.append(chunk.text)
        self.thoughts.append(chunk.thought)
        self.length += len(chunk.text)
        if chunk.logprob is not None:
            self.logprobs.append(chunk.logprob)

    @property
    def text(self) -> str:
        """The reply."""
        return "".join(self.texts)

    @property
    def thought(self) -> str:
        """The thought before it."""
        return "".join(self.thoughts)


class Shape(Protocol):
    """How replies are told. `logprobs`: whether tokens' probabilities were asked for."""

    def piece(self, index: int, chunk: base.Chunk, before: Gathered) -> Iterator[Struct]:
        """The events for a piece of reply `index`, which was `before` so far."""
        ...

    def end(self, index: int, reason: FinishReason) -> Struct:
        """The event for the end of a reply."""
        ...

    def counts(self, usage: base.Usage) -> Struct:
        """The event that tells the counts."""
        ...

    def whole(self, replies: list[Gathered], usage: base.Usage) -> Struct:
        """Everything at once."""
        ...


class ChatShape:
    """Messages. `number` names the response, `created` is its time, `counted`: counts are wanted."""

    def __init__(self, number: str, created: int, model: str, *, logprobs: bool, counted: bool) -> None:
        self._id = f"chatcmpl-{number}"
        self._created = created
        self._model = model
        self._logprobs = logprobs
        self._usage = None if counted else UNSET

    def piece(self, index: int, chunk: base.Chunk, before: Gathered) -> Iterator[Struct]:
        """The role first, then what is new."""
        if not before.texts:
            yield self._piece(ChatPieceChoice(index, Delta(role="assistant", content="")))
        delta = Delta(content=chunk.text or UNSET, reasoning_content=chunk.thought or UNSET)
        logprobs = _chat_logprobs([chunk.logprob]) if self._logprobs and chunk.logprob else None
        yield self._piece(ChatPieceChoice(index, delta, logprobs))

    def end(self, index: int, reason: FinishReason) -> Struct:
        """Nothing new, and why."""
        return self._piece(ChatPieceChoice(index, Delta(), None, reason))

    def counts(self, usage: base.Usage) -> Struct:
        """No choices, and the counts."""
        return ChatPiece(self._id, "chat.completion.chunk", self._created, self._model, [], _usage(usage))

    def whole(self, replies: list[Gathered], usage: base.Usage) -> Struct:
        """A message for each reply."""
        choices = [
            ChatChoice(
                index,
                ReplyMessage("assistant", reply.text, reply.thought or UNSET),
                _chat_logprobs(reply.logprobs) if self._logprobs else None,
                reply.reason,
            )
            for index, reply in enumerate(replies)
        ]
        return ChatCompletion(self._id, "chat.completion", self._created, self._model, choices, _usage(usage))

    def _piece(self, choice: ChatPieceChoice) -> ChatPiece:
        return ChatPiece(self._id, "chat.completion.chunk", self._created, self._model, [choice], self._usage)


class CompletionShape:
    """Plain texts. A thought is no part of them, as it is of no answer."""

    def __init__(self, number: str, created: int, model: str, *, logprobs: bool, counted: bool) -> None:
        self._id = f"cmpl-{number}"
        self._created = created
        self._model = model
        self._logprobs = logprobs
        self._usage = None if counted else UNSET

    def piece(self, index: int, chunk: base.Chunk, before: Gathered) -> Iterator[Struct]:
        """What is new."""
        told = [chunk.logprob] if self._logprobs and chunk.logprob else []
        if chunk.text or told:
            logprobs = _completion_logprobs(told, before.length) if told else None
            yield self._event([CompletionChoice(index, chunk.text, logprobs)], self._usage)

    def end(self, index: int, reason: FinishReason) -> Struct:
        """Nothing new, and why."""
        return self._event([CompletionChoice(index, "", None, reason)], self._usage)

    def counts(self, usage: base.Usage) -> Struct:
        """No choices, and the counts."""
        return self._event([], _usage(usage))

    def whole(self, replies: list[Gathered], usage: base.Usage) -> Struct:
        """A text for each reply."""
        choices = [
            CompletionChoice(
                index,
                reply.text,
                _completion_logprobs(reply.logprobs, 0) if self._logprobs else None,
                reply.reason,
            )
            for index, reply in enumerate(replies)
        ]
        return self._event(choices, _usage(usage))

    def _event(self, choices: list[CompletionChoice], usage: Usage | object | None) -> Completion:
        return Completion(
            self._id,
            "text_completion",
            self._created,
            self._model,
            choices,
            usage,  # type: ignore[arg-type]
        )


def _usage(usage: base.Usage) -> Usage:
    total = usage.prompt_tokens + usage.completion_tokens
    return Usage(usage.prompt_tokens, usage.completion_tokens, total, PromptDetails(usage.cached_tokens))


def _chat_logprobs(told: list[base.Logprob]) -> ChatLogprobs:
    return ChatLogprobs(
        [
            TokenLogprob(
                each.text,
                _finite(each.value),
                list(each.text.encode()),
                [TopLogprob(text, _finite(value), list(text.encode())) for text, value in each.likeliest],
            )
            for each in told
        ]
    )


def _completion_logprobs(told: list[base.Logprob], start: int) -> CompletionLogprobs:
    offsets = []
    for each in told:
        offsets.append(start)
        start += len(each.text)
    likeliest = [{text: _finite(value) for text, value in each.likeliest} for each in told]
    return CompletionLogprobs(
        [each.text for each in told],
        [_finite(each.value) for each in told],
        likeliest if any(likeliest) else None,
        offsets,
    )


def _finite(logprob: float) -> float:
    """A log probability for JSON, which has no infinity: OpenAI says so of what is as good as impossible."""
    return max(logprob, IMPOSSIBLE)
