"""The server's own description (OpenAPI 3.1), made of the types that requests are checked against."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from spnl.server.errors import ErrorReply
from spnl.server.query_schema import query_schema
from spnl.server.replies import ChatCompletion, ChatPiece, Completion, Done, Health, Model, ModelList
from spnl.server.requests import ChatRequest, CompletionRequest, ReIsqRequest
from spnl.server.settings import ServerSettings
from spnl.version import __version__

_MEANINGS: Final = {
    400: "The request is wrong; the message says where.",
    401: "The key is missing or wrong.",
    403: "Not from there, or not on this server.",
    404: "The model is not served here, or there is nothing at this path.",
    413: "The body is too large.",
    429: "Too many requests are under way; `Retry-After` says when to try again.",
    500: "The engine failed, or the server has a fault.",
    503: "The server stops, or the model cannot be loaded.",
    504: "The reply took longer than the server allows.",
}
_ASKING: Final = (400, 401, 403, 404, 413, 429, 500, 503, 504)
_TELLING: Final = (401, 403)
_REF: Final = "#/components/schemas/{name}"
_STRUCTS: Final = (
    ChatCompletion,
    ChatPiece,
    ChatRequest,
    Completion,
    CompletionRequest,
    Done,
    ErrorReply,
    Health,
    Model,
    ModelList,
    ReIsqRequest,
)


def description(settings: ServerSettings) -> bytes:
    """The description of a server with these settings, as JSON."""
    _, schemas = msgspec.json.schema_components(_STRUCTS, ref_template=_REF)
    names = list(dict.fromkeys((*settings.models, *settings.allowed)))
    for kind in (ChatRequest, CompletionRequest):
        schemas[kind.__name__]["properties"]["model"] = {"enum": names}
    schemas["Query"] = query_schema(names)
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "spnl serve",
            "version": __version__,
            "description": "Models of one machine, over the protocol of OpenAI's API, and span queries.",
        },
        "paths": _paths(),
        "components": {"schemas": schemas},
    }
    if settings.key is not None:
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}]
        document["paths"]["/health"]["get"]["security"] = []
    return msgspec.json.encode(document)


def _paths() -> dict[str, Any]:
    name = {
        "name": "model",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1},
        "description": "a model's name",
    }
    stream = {
        "name": "stream",
        "in": "query",
        "schema": {"type": "boolean", "default": False},
        "description": "answer with server-sent events",
    }
    return {
        "/v1/chat/completions": _post(
            "Reply to a conversation.",
            _json(ChatRequest),
            {**_json(ChatCompletion), "text/event-stream": _events(ChatPiece)},
        ),
        "/v1/completions": _post(
            "Go on from each text; where a model has a chat template, reply to it.",
            _json(CompletionRequest),
            {**_json(Completion), "text/event-stream": _events(Completion)},
        ),
        "/v1/query/execute": {
            **_post(
                "Run a span query, in upstream's JSON: a chat completion for a generation or a repeat, else "
                "a completion with a choice for each text of the answer; of either, completion events.",
                {
                    "text/plain": {"schema": {"type": "string", "description": "the same, as JSON"}},
                    "application/json": {"schema": {"$ref": _REF.format(name="Query")}},
                },
                {
                    "application/json": {"schema": {"anyOf": [_ref(ChatCompletion), _ref(Completion)]}},
                    "text/event-stream": _events(Completion),
                },
            ),
            "parameters": [stream],
        },
        "/v1/models": _get("The models that are served.", _json(ModelList), _TELLING),
        "/v1/models/{model}": {
            **_get("One of them.", _json(Model), (*_TELLING, 404)),
            "parameters": [name],
        },
        "/v1/re_isq": _post(
            "Quantise a model's weights anew; on a server with a key only.", _json(ReIsqRequest), _json(Done)
        ),
        "/health": _get("Whether requests are let in.", _json(Health), (403,), {503: _json(Health)}),
        "/metrics": _get("Counts, for Prometheus.", {"text/plain": {"schema": {"type": "string"}}}, _TELLING),
        "/openapi.json": _get(
            "This description.", {"application/json": {"schema": {"type": "object"}}}, _TELLING
        ),
    }


def _ref(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REF.format(name=kind.__name__)}


def _json(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {"application/json": {"schema": _ref(kind)}}


def _events(kind: type[msgspec.Struct]) -> dict[str, Any]:
    data = {"type": "string", "description": f"{kind.__name__} as JSON; of the last event `[DONE]`"}
    return {"schema": {"type": "object", "properties": {"data": data}, "required": ["data"]}}


def _post(summary: str, body: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    request = {"required": True, "content": body}
    return {"post": {"summary": summary, "requestBody": request, "responses": _responses(reply, _ASKING)}}


def _get(
    summary: str, reply: dict[str, Any], errors: Iterable[int], more: dict[int, Any] | None = None
) -> dict[str, Any]:
    responses = _responses(reply, errors)
    for status, content in (more or {}).items():
        responses[str(status)] = {"description": _MEANINGS[status], "content": content}
    return {"get": {"summary": summary, "responses": responses}}


def _responses(reply: dict[str, Any], errors: Iterable[int]) -> dict[str, Any]:
    responses: dict[str, Any] = {"200": {"description": "What was asked for.", "content": reply}}
    for status in errors:
        responses[str(status)] = {"description": _MEANINGS[status], "content": _json(ErrorReply)}
    return responses
