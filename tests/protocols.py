"""Servers that speak the protocols of others, with one of our engines behind: for tests of our clients.

What each takes, ignores and refuses, and how it words its errors, is as its maker's server has it: OpenAI's
API itself, Ollama's and Gemini's versions of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from scripted_http import Exchange, Script

from spnl.backends.base import Chunk, Engine, Finish, Request, Usage
from spnl.errors import SpnlError
from spnl.query import Sampling

_SAMPLING = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
_EVERYWHERE = {"messages", "model", "stream", "stream_options", "stop", "reasoning_effort", *_SAMPLING}

KEY = "the-right-key"
MODELS = ("tiny", "other")


class Protocol:
    """A protocol: where it is, what limits tokens in it, what it refuses, and the form of its errors.

    `too_long` is what it says of a prompt that does not fit. `knows`: every word that it takes, where it
    refuses all others; None where it passes over them.
    """

    def __init__(
        self,
        base: str,
        tokens: str,
        error: Callable[[int, str, str], Any],
        too_long: str,
        knows: set[str] | None = None,
        key: str | None = None,
        listed: str = "{}",
    ) -> None:
        self.base = base
        self.tokens = tokens
        self.error = error
        self.too_long = too_long
        self.knows = knows
        self.key = key
        self.listed = listed


def _openai_error(status: int, message: str, code: str) -> Any:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}


def _ollama_error(status: int, message: str, code: str) -> Any:
    return {"error": {"message": message, "type": "api_error", "param": None, "code": None}}


def _gemini_error(status: int, message: str, code: str) -> Any:
    return [{"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}]


PROTOCOLS = {
    "openai": Protocol(
        "/v1", "max_completion_tokens", _openai_error, "This model's maximum context length is 512 tokens."
    ),
    "ollama": Protocol(
        "/v1", "max_tokens", _ollama_error, "prompt too long; exceeded max context length by 9 tokens"
    ),
    "gemini": Protocol(
        "/v1beta/openai",
        "max_completion_tokens",
        _gemini_error,
        "The input token count (521) exceeds the maximum number of tokens allowed (512).",
        knows={*_EVERYWHERE, "max_completion_tokens", "max_tokens"},
        key=KEY,
        listed="models/{}",
    ),
}


def speaking(protocol: Protocol, engine: Engine) -> Script:
    """A script that answers as a server of a protocol, with what an engine says."""

    def script(exchange: Exchange) -> None:
        asked = exchange.asked

        def refuse(status: int, message: str, code: str = "") -> None:
            exchange.plain(status, protocol.error(status, message, code))

        if protocol.key is not None and asked.headers.get("authorization") != f"Bearer {protocol.key}":
            refuse(401, "API key not valid. Please pass a valid API key.", "invalid_api_key")
        elif asked.path == f"{protocol.base}/models":
            exchange.plain(200, {"data": [{"id": protocol.listed.format(name)} for name in MODELS]})
        elif asked.path != f"{protocol.base}/chat/completions":
            exchange.plain(404, "404 page not found")
        elif asked.body["model"] not in MODELS:
            refuse(404, f"model '{asked.body['model']}' not found", "model_not_found")
        elif protocol.knows is not None and (unknown := sorted(set(asked.body) - protocol.knows)):
            refuse(400, f'Invalid JSON payload received. Unknown name "{unknown[0]}": Cannot find field.')
        else:
            _reply(exchange, engine, _request(asked.body, protocol), protocol, refuse)

    return script


def _request(body: Mapping[str, Any], protocol: Protocol) -> Request:
    """A request as its body asks it."""
    sampling = {name: body[name] for name in _SAMPLING if name in body}
    if "stop" in body:
        sampling["stop"] = tuple(body["stop"])
    messages = tuple((message["role"], message["content"]) for message in body["messages"])
    return Request(messages, Sampling(**sampling, max_tokens=body.get(protocol.tokens, 1 << 20)))


def _reply(
    exchange: Exchange, engine: Engine, request: Request, protocol: Protocol, refuse: Callable[..., None]
) -> None:
    """Stream what the engine says; an error of it, before it says anything, is a refusal."""
    stream = engine.stream(request)
    try:
        first = next(stream)
    except SpnlError as error:
        refuse(400, protocol.too_long if error.id == "prompt-too-long" else error.message)
        return
    exchange.begin()
    piece: Chunk | Finish = first
    try:
        while not isinstance(piece, Finish):
            exchange.say(piece.text, **({"reasoning_content": piece.thought} if piece.thought else {}))
            piece = next(stream)
    finally:
        stream.close()  # type: ignore[attr-defined]
    exchange.finish(piece.reason, _counts(piece.usage))


def _counts(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }
