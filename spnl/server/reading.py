"""From a request's body to what an engine is asked, or the error that says which field is wrong."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest

from spnl.backends.base import Constraint, Request
from spnl.errors import Interrupted, did_you_mean
from spnl.executor.options import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE
from spnl.frozen import Frozen
from spnl.query import Sampling, Think
from spnl.server.errors import HttpError
from spnl.server.requests import (
    Asking,
    ChatRequest,
    CompletionRequest,
    Message,
    ObjectFormat,
    ResponseFormat,
    SchemaFormat,
    keys_of,
)
from spnl.server.settings import MAX_CHOICES

Body = TypeVar("Body", bound=msgspec.Struct)

_PLACE = re.compile(r" - at `\$\.?(?P<path>.*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)


class Asked(Frozen):
    """What a client asks: a model by its own word for it, and one request for each reply."""

    model: str
    requests: tuple[Request, ...]
    stream: bool
    include_usage: bool


async def read_body(request: HttpRequest, limit: int) -> bytes:
    """The body of a request. Raises `HttpError` 413 where it is larger than `limit` bytes."""
    too_large = HttpError(413, "too-large", f"the request is larger than {limit:,} bytes")
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length[:20]) > limit:
        raise too_large
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise too_large
            parts.append(part)
    except ClientDisconnect:
        raise Interrupted from None
    return b"".join(parts)


def decode(data: bytes, kind: type[Body]) -> Body:
    """The request that a body is. Raises `HttpError` 400 that names the field at fault."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise _invalid(str(error), kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise HttpError(400, "not-json", f"the body is not JSON: {error}") from None
    except RecursionError:
        raise HttpError(400, "not-json", "the body is nested too deeply") from None


def _invalid(said: str, kind: type[msgspec.Struct]) -> HttpError:
    place = _PLACE.search(said)
    path = place["path"] if place else ""
    message = said[: place.start()] if place else said
    unknown = _UNKNOWN.fullmatch(message)
    if unknown is None:
        shown = message[:1].lower() + message[1:]
        return HttpError(400, "bad-request", f"`{path}`: {shown}" if path else shown, param=path or None)
    field = unknown["field"][:80]
    param = f"{path}.{field}" if path else field
    helps = () if path else did_you_mean(field, keys_of(kind))
    message = f"this server does not know the field `{param}`, and ignores none"
    return HttpError(400, "unknown-field", "; ".join([message, *helps]), param=param)


def read_chat(data: bytes, max_tokens: int) -> Asked:
    """What a chat request asks."""
    body = decode(data, ChatRequest)
    if body.logprobs is not True and body.top_logprobs is not None:
        raise HttpError(
            400, "bad-request", "`top_logprobs` needs `logprobs` to be true", param="top_logprobs"
        )
    if body.max_tokens is not None and body.max_completion_tokens is not None:
        raise HttpError(
            400, "bad-request", "give one of `max_tokens` and `max_completion_tokens`", param="max_tokens"
        )
    think: Think | None = body.enable_thinking
    if body.reasoning_effort is not None:
        if body.enable_thinking is not None:
            message = "give one of `reasoning_effort` and `enable_thinking`"
            raise HttpError(400, "bad-request", message, param="reasoning_effort")
        think = False if body.reasoning_effort == "none" else body.reasoning_effort
    limit = body.max_tokens or body.max_completion_tokens
    request = Request(
        tuple(map(_message, body.messages)),
        _sampling(body, limit, max_tokens).but(think=think),
        _constraint(body.response_format),
        (body.top_logprobs or 0) if body.logprobs else None,
    )
    return _asked(body, (request,))


def read_completion(data: bytes, max_tokens: int) -> Asked:
    """What a completion request asks: of each prompt, so many replies."""
    body = decode(data, CompletionRequest)
    prompts = [body.prompt] if isinstance(body.prompt, str) else body.prompt
    sampling = _sampling(body, body.max_tokens, max_tokens)
    return _asked(body, tuple(Request((("user", text),), sampling, None, body.logprobs) for text in prompts))


def _asked(body: Asking, requests: tuple[Request, ...]) -> Asked:
    """Each of the requests `n` times, one after another, as the protocol numbers its choices."""
    n = body.n or 1
    if n * len(requests) > MAX_CHOICES:
        message = f"{n} replies to each of {len(requests)} prompts are more than {MAX_CHOICES}"
        raise HttpError(400, "bad-request", message, param="n")
    if body.stream_options is not None and not body.stream:
        raise HttpError(
            400, "bad-request", "`stream_options` needs `stream` to be true", param="stream_options"
        )
    include_usage = body.stream_options is not None and body.stream_options.include_usage
    repeated = tuple(request for request in requests for _ in range(n))
    return Asked(body.model, repeated, body.stream, include_usage)


def _message(message: Message) -> tuple[str, str]:
    role = "system" if message.role == "developer" else message.role
    content = message.content
    text = content if isinstance(content, str) else "".join(part.text for part in content)
    return role, text


def _sampling(body: Asking, limit: int | None, max_tokens: int) -> Sampling:
    if limit is not None and limit > max_tokens:
        message = f"`max_tokens` is {limit:,}, and this server makes at most {max_tokens:,} tokens of a reply"
        raise HttpError(400, "bad-request", message, param="max_tokens")
    temperature = DEFAULT_TEMPERATURE if body.temperature is None else body.temperature
    if body.seed is not None and temperature != 0:
        message = "the engine takes no seed for one request; at temperature 0 a reply is always the same"
        raise HttpError(400, "no-seed", message, param="seed")
    return Sampling(
        max_tokens=min(DEFAULT_MAX_TOKENS, max_tokens) if limit is None else limit,
        temperature=temperature,
        top_p=body.top_p,
        top_k=body.top_k,
        min_p=body.min_p,
        stop=((body.stop,) if isinstance(body.stop, str) else tuple(body.stop)) if body.stop else None,
        frequency_penalty=body.frequency_penalty,
        presence_penalty=body.presence_penalty,
        repetition_penalty=body.repetition_penalty,
    )


def _constraint(wanted: ResponseFormat | None) -> Constraint | None:
    """What a reply has to be, for the engine."""
    match wanted:
        case ObjectFormat():
            return Constraint("json_schema", '{"type":"object"}')
        case SchemaFormat():
            return Constraint("json_schema", msgspec.json.encode(wanted.json_schema.schema).decode())
    return None
