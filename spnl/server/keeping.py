"""The endpoints that tell of the server itself: models, health, metrics; and the one that quantises anew."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from spnl.server.calls import Server, call_of
from spnl.server.errors import HttpError
from spnl.server.metrics import CONTENT_TYPE
from spnl.server.reading import decode, read_body
from spnl.server.replies import Done, Health, Model, ModelList
from spnl.server.requests import ReIsqRequest
from spnl.version import __version__


def _json(reply: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(reply), status, media_type="application/json")


def _model(server: Server, name: str) -> Model:
    return Model(name, "model", server.created, "spnl", server.served.is_loaded(name))


async def models(request: HttpRequest) -> Response:
    """`GET /v1/models`."""
    server = call_of(request).server
    return _json(ModelList("list", [_model(server, name) for name in server.served.names]))


async def model(request: HttpRequest) -> Response:
    """`GET /v1/models/{model}`."""
    server = call_of(request).server
    return _json(_model(server, server.served.resolve(request.path_params["model"])))


async def health(request: HttpRequest) -> Response:
    """`GET /health`: 200 while requests are let in, 503 when the server stops."""
    stopping = call_of(request).server.desk.stopping
    return _json(Health("stopping" if stopping else "ok", __version__), 503 if stopping else 200)


async def metrics(request: HttpRequest) -> Response:
    """`GET /metrics`."""
    return Response(call_of(request).server.metrics.text(), headers={"Content-Type": CONTENT_TYPE})


async def re_isq(request: HttpRequest) -> Response:
    """`POST /v1/re_isq`: for a server with a key only."""
    call = call_of(request)
    server = call.server
    if server.settings.key is None:
        raise HttpError(403, "needs-key", "models are quantised anew only on a server that has a key")
    body = decode(await read_body(request, server.settings.max_body), ReIsqRequest)
    if body.model is None and len(server.served.names) > 1:
        raise HttpError(400, "bad-request", "say which model: several are served", param="model")
    name = server.served.resolve(body.model or server.served.names[0])
    call.model = name

    def quantise() -> None:
        with server.served.using((name,)):
            engine = server.served.engine(name)
            requantise = getattr(engine, "requantise", None)
            if requantise is None:
                raise HttpError(400, "no-requantising", "this model cannot be quantised anew")
            requantise(body.ggml_type)

    await asyncio.to_thread(quantise)
    return _json(Done("ok"))
