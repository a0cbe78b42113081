"""Who may come in, and what is noted of everyone who came: the outermost layer of the application."""

from __future__ import annotations

import hashlib
import hmac
import re
from time import time
from typing import Final

from starlette.requests import Request as HttpRequest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spnl.server.calls import Call, Server
from spnl.server.errors import HttpError, as_http_error

OPEN_PATHS: Final = ("/health",)
"""Paths that need no key: what watches a server needs no secret."""

_LOOPBACK = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


def is_loopback(host: str) -> bool:
    """Whether an address of ours can be reached from this machine only."""
    return host == "localhost" or host == "::1" or host.startswith("127.")


class Guard:
    """Lets requests in, turns errors into responses, and writes the log. Routes are those of `paths`."""

    def __init__(self, app: ASGIApp, server: Server, paths: frozenset[str]) -> None:
        self._app = app
        self._server = server
        self._paths = paths
        settings = server.settings
        self._key = hashlib.sha256(settings.key.encode()).digest() if settings.key is not None else None
        self._local = is_loopback(settings.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        call = Call(self._server)
        scope.setdefault("state", {})["call"] = call
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", call.id.encode()))
            await send(message)

        try:
            self._check(HttpRequest(scope))
            await self._app(scope, receive, noting)
        except Exception as error:
            if status == 0:
                call.report(error)
                await as_http_error(error).response()(scope, receive, noting)
        finally:
            self._note(scope, call, status)

    def _check(self, request: HttpRequest) -> None:
        """Raise `HttpError` where a request may not come in."""
        host = request.headers.get("host", "")
        if self._local and not _LOOPBACK.fullmatch(host):
            # A web page whose name was made to mean this machine (DNS rebinding) says its own name here.
            raise HttpError(403, "foreign-host", "this server answers to localhost and 127.0.0.1 only")
        origin = request.headers.get("origin")
        if origin is not None and origin not in self._server.settings.origins:
            # Browsers let any page send; without CORS it may not read, but it could make this machine work.
            raise HttpError(403, "foreign-origin", "this server does not answer web pages of that origin")
        if self._key is not None and request.url.path not in OPEN_PATHS:
            self._check_key(request)

    def _check_key(self, request: HttpRequest) -> None:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        digest = hashlib.sha256(shown.strip().encode("utf-8", "surrogateescape")).digest()
        assert self._key is not None
        # Digests are of one length, and are compared in a time that does not tell how alike they are.
        if not hmac.compare_digest(digest, self._key) or scheme.lower() != "bearer":
            raise HttpError(
                401,
                "bad-key",
                "this server needs its key: `Authorization: Bearer KEY`",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _note(self, scope: Scope, call: Call, status: int) -> None:
        """A line in the log, and a count."""
        path = scope["path"]
        self._server.metrics.answered(path if path in self._paths else "other", status)
        client = scope.get("client")
        record = {
            "time": round(time(), 3),
            "id": call.id,
            "client": client[0] if client else None,
            "method": scope["method"],
            "path": path[:200],
            "status": status,
            "seconds": round(call.seconds, 4),
            "model": call.model,
            "first_token": round(call.first, 4) if call.first is not None else None,
            "error": call.error,
        }
        if call.usage is not None:
            record |= {
                "prompt_tokens": call.usage.prompt_tokens,
                "cached_tokens": call.usage.cached_tokens,
                "completion_tokens": call.usage.completion_tokens,
            }
        self._server.log.add(record | call.contents)
