"""The endpoints of OpenAI's API that generate: chat, and completions."""

from __future__ import annotations

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from spnl.server.answering import Answer, respond
from spnl.server.calls import call_of
from spnl.server.desk import generations
from spnl.server.reading import Asked, read_body, read_chat, read_completion
from spnl.server.shapes import ChatShape, CompletionShape


async def chat(request: HttpRequest) -> Response:
    """`POST /v1/chat/completions`."""
    settings = call_of(request).server.settings
    asked = read_chat(await read_body(request, settings.max_body), settings.max_tokens)
    return await _respond(request, asked, ChatShape)


async def completions(request: HttpRequest) -> Response:
    """`POST /v1/completions`."""
    settings = call_of(request).server.settings
    asked = read_completion(await read_body(request, settings.max_body), settings.max_tokens)
    return await _respond(request, asked, CompletionShape)


async def _respond(
    request: HttpRequest, asked: Asked, kind: type[ChatShape] | type[CompletionShape]
) -> Response:
    call = call_of(request)
    model = call.server.served.resolve(asked.model)
    call.model = model
    call.keep(messages=asked.requests[0].messages)
    logprobs = asked.requests[0].top_logprobs is not None
    shape = kind(call.id, call.created, asked.model, logprobs=logprobs, counted=asked.include_usage)
    prompts = len({ask.messages for ask in asked.requests})
    answer = Answer(call, shape, len(asked.requests), prompts)
    work = generations(model, asked.requests)
    return await respond(request, (model,), work, answer, stream=asked.stream, counted=asked.include_usage)
