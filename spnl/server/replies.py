"""What clients get, as types: responses and the OpenAPI description are made of them."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

FinishReason = Literal["stop", "length"]


class PromptDetails(Struct):
    """`cached_tokens` of the prompt had been read before."""

    cached_tokens: int


class Usage(Struct):
    """Tokens, as the engine counted them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptDetails


class TopLogprob(Struct):
    """One of the likeliest tokens."""

    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(Struct):
    """A token that was drawn."""

    token: str
    logprob: float
    bytes: list[int]
    top_logprobs: list[TopLogprob]


class ChatLogprobs(Struct):
    """The tokens of a reply, or of a piece of it."""

    content: list[TokenLogprob]


class ReplyMessage(Struct):
    """A reply; `reasoning_content` is a thinking model's thought, apart."""

    role: Literal["assistant"]
    content: str
    reasoning_content: str | UnsetType = UNSET


class ChatChoice(Struct):
    """One of the replies."""

    index: int
    message: ReplyMessage
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason


class ChatCompletion(Struct):
    """The response to a chat request."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


class Delta(Struct):
    """What is new of a reply."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET


class ChatPieceChoice(Struct):
    """What is new of one of the replies."""

    index: int
    delta: Delta
    logprobs: ChatLogprobs | None = None
    finish_reason: FinishReason | None = None


class ChatPiece(Struct):
    """An event of a chat's stream."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChatPieceChoice]
    usage: Usage | UnsetType | None = UNSET


class CompletionLogprobs(Struct):
    """The tokens of a reply, in the older way; offsets are in characters of its text."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]] | None
    text_offset: list[int]


class CompletionChoice(Struct):
    """One of the replies, or what is new of it."""

    index: int
    text: str
    logprobs: CompletionLogprobs | None = None
    finish_reason: FinishReason | None = None


class Completion(Struct):
    """The response to a completion request, and an event of its stream."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage | UnsetType | None = UNSET


class Model(Struct):
    """A model that is served; `loaded`: whether it is in memory."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: Literal["spnl"]
    loaded: bool


class ModelList(Struct):
    """All models that are served."""

    object: Literal["list"]
    data: list[Model]


class Health(Struct):
    """That the server answers."""

    status: Literal["ok", "stopping"]
    version: str


class Done(Struct):
    """That what was asked has been handed to the engine."""

    status: Literal["ok"]
