"""What clients may ask, as types: requests are checked against them, and the OpenAPI description uses them.

A field that is not here is refused by name: a setting that is silently ignored would mislead. `user`,
`metadata` and `store`, which ask for nothing, may be there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from spnl.server.settings import MAX_CHOICES, MAX_TOP_LOGPROBS

MOST_TOKENS = 2**31 - 1

Count = Annotated[int, Meta(ge=1, le=MOST_TOKENS)]
Choices = Annotated[int, Meta(ge=1, le=MAX_CHOICES)]
Temperature = Annotated[float, Meta(ge=0, le=100)]
TopP = Annotated[float, Meta(gt=0, le=1)]
MinP = Annotated[float, Meta(ge=0, lt=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Repetition = Annotated[float, Meta(ge=0.01, le=100)]
StopText = Annotated[str, Meta(min_length=1, max_length=1000)]
Stops = Annotated[list[StopText], Meta(max_length=16)]
Name = Annotated[str, Meta(min_length=1, max_length=500)]
Prompt = Annotated[str, Meta(min_length=1)]
Prompts = Annotated[list[Prompt], Meta(min_length=1, max_length=MAX_CHOICES)]
TopLogprobs = Annotated[int, Meta(ge=0, le=MAX_TOP_LOGPROBS)]
Seed = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]


class TextPart(Struct, forbid_unknown_fields=True):
    """A part of a message; texts only, the models that are served here see nothing else."""

    type: Literal["text"]
    text: str


class Message(Struct, forbid_unknown_fields=True):
    """A message of a conversation. `developer` is another word for `system`."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]
    name: str | None = None
    refusal: None = None
    reasoning_content: str | None = None


class JsonSchema(Struct, forbid_unknown_fields=True):
    """A JSON schema that a reply follows; `strict` is always so."""

    schema: dict[str, Any]
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class TextFormat(Struct, forbid_unknown_fields=True, tag_field="type", tag="text"):
    """Any text."""


class ObjectFormat(Struct, forbid_unknown_fields=True, tag_field="type", tag="json_object"):
    """An object of JSON."""


class SchemaFormat(Struct, forbid_unknown_fields=True, tag_field="type", tag="json_schema"):
    """JSON that follows a schema."""

    json_schema: JsonSchema


ResponseFormat = TextFormat | ObjectFormat | SchemaFormat


class StreamOptions(Struct, forbid_unknown_fields=True):
    """`include_usage`: the counts of tokens come as a last event."""

    include_usage: bool = False


class Asking(Struct, forbid_unknown_fields=True, kw_only=True):
    """What chat and completions have in common. `seed` can be kept at temperature 0 only."""

    model: Name
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Choices | None = None
    max_tokens: Count | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    top_k: Count | None = None
    min_p: MinP | None = None
    stop: StopText | Stops | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repetition_penalty: Repetition | None = None
    seed: Seed | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None


class ChatRequest(Asking, forbid_unknown_fields=True, kw_only=True):
    """`POST /v1/chat/completions`."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    max_completion_tokens: Count | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    top_logprobs: TopLogprobs | None = None
    reasoning_effort: Literal["none", "low", "medium", "high"] | None = None
    enable_thinking: bool | None = None


class CompletionRequest(Asking, forbid_unknown_fields=True, kw_only=True):
    """`POST /v1/completions`. Each prompt is one message of the user, where a model has a chat template."""

    prompt: Prompt | Prompts
    logprobs: TopLogprobs | None = None


class ReIsqRequest(Struct, forbid_unknown_fields=True):
    """`POST /v1/re_isq`: quantise a model's weights anew. `model` may be left out where one is served."""

    ggml_type: Annotated[str, Meta(min_length=1, max_length=20)]
    model: Name | None = None


def keys_of(request: type[Struct]) -> list[str]:
    """The fields of a request."""
    return [field.encode_name for field in msgspec.structs.fields(request)]
