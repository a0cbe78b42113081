"""The application: routes, and what stands before them."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from spnl.errors import SpnlError
from spnl.server import generating, keeping, queries
from spnl.server.calls import Server, call_of
from spnl.server.errors import HttpError, as_http_error
from spnl.server.guard import Guard
from spnl.server.openapi import description


def make_app(server: Server) -> ASGIApp:
    """The application of a server."""
    openapi = description(server.settings)

    async def openapi_json(request: HttpRequest) -> Response:
        return Response(openapi, media_type="application/json")

    routes = [
        Route("/v1/chat/completions", generating.chat, methods=["POST"]),
        Route("/v1/completions", generating.completions, methods=["POST"]),
        Route("/v1/query/execute", queries.query, methods=["POST"]),
        Route("/v1/models", keeping.models),
        Route("/v1/models/{model:path}", keeping.model),
        Route("/v1/re_isq", keeping.re_isq, methods=["POST"]),
        Route("/health", keeping.health),
        Route("/metrics", keeping.metrics),
        Route("/openapi.json", openapi_json),
    ]
    handlers = {HTTPException: _not_routed, HttpError: _told, SpnlError: _told, Exception: _told}
    app: ASGIApp = Starlette(routes=routes, exception_handlers=handlers)
    app = Guard(app, server, frozenset(route.path for route in routes))
    if server.settings.origins:
        app = CORSMiddleware(
            app,
            allow_origins=server.settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )
    return app


async def _not_routed(request: HttpRequest, error: Exception) -> Response:
    """No such path, or not with that method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return HttpError(
            405, "bad-method", "this path does not take that method", headers=error.headers
        ).response()
    return HttpError(error.status_code, "no-such-path", "there is nothing at this path").response()


async def _told(request: HttpRequest, error: Exception) -> Response:
    """An error that an endpoint raised; a fault of ours is raised again after this, and goes no further."""
    call_of(request).report(error)
    return as_http_error(error).response()
