"""Errors as clients see them: a status, and a body of the shape that OpenAI's clients know."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from spnl.errors import Interrupted, ModelError, ProgramError, SpnlError, UsageError

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


_CODES = {"prompt-too-long": "context_length_exceeded"}
"""Codes of OpenAI's that programs look for, in place of ours."""


class HttpError(Exception):
    """What a client is told went wrong.

    `id` is stable, as the ids of `SpnlError` are (docs/serving.md lists those that are made here); `param` is
    the field of the request that is at fault, where it is one.
    """

    def __init__(
        self,
        status: int,
        id: str,
        message: str,
        *,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.id = id
        self.message = message
        self.param = param
        self.headers = dict(headers or {})

    def body(self) -> ErrorReply:
        """The body that tells it."""
        kind = _TYPES.get(self.status) or ("server_error" if self.status >= 500 else "invalid_request_error")
        return ErrorReply(ErrorDetail(self.message, kind, self.param, _CODES.get(self.id, self.id)))

    def response(self) -> Response:
        """The whole response."""
        return Response(
            msgspec.json.encode(self.body()), self.status, self.headers, media_type="application/json"
        )


class ErrorDetail(msgspec.Struct):
    """What went wrong: `code` is the stable id, or OpenAI's word for it; `param` the field at fault."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorReply(msgspec.Struct):
    """The body of every response that is an error, and an event of a stream that fails."""

    error: ErrorDetail


def as_http_error(error: BaseException) -> HttpError:
    """What a client is told of an error of ours. What only the server's keeper may know is left out."""
    match error:
        case HttpError():
            return error
        case Interrupted():
            return HttpError(499, "client-gone", "the client did not wait for its answer")  # nginx' status
        case ProgramError() | UsageError():
            return HttpError(400, error.id, _placed(error))
        case ModelError():
            return HttpError(503, error.id, "the model cannot be loaded; the server's own log says why")
        case SpnlError():
            return HttpError(500, error.id, error.message)
    return HttpError(500, "internal", "a fault of the server; its own log says more")


def _placed(error: SpnlError) -> str:
    """The message, with where it points in the text that was sent, and what may help."""
    parts = [error.message]
    if error.span is not None:
        line, column = error.span.source.position(error.span.start)
        parts[0] += f" (line {line}, column {column})"
    return "; ".join([*parts, *error.notes, *error.helps])
