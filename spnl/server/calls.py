"""One request under way: what the log, the metrics and the endpoints know of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from time import perf_counter, time
from traceback import format_exception
from typing import Any

from starlette.requests import Request as HttpRequest

from spnl.backends.base import Usage
from spnl.errors import ModelError
from spnl.server.desk import Desk
from spnl.server.errors import as_http_error
from spnl.server.metrics import Metrics
from spnl.server.request_log import RequestLog
from spnl.server.served import ServedModels
from spnl.server.settings import ServerSettings


class Server:
    """What all requests share."""

    def __init__(
        self, settings: ServerSettings, served: ServedModels, log: RequestLog, say: Callable[[str], None]
    ) -> None:
        self.settings = settings
        self.served = served
        self.log = log
        self.say = say
        """Told, in a sentence, what the server's keeper should know."""
        self.desk = Desk(settings, served)
        self.metrics = Metrics()
        self.created = int(time())
        gate, desk = self.desk.gate, self.desk
        self.metrics.watch("spnl_streaming", "Replies being made.", lambda: gate.through)
        self.metrics.watch("spnl_queue", "Replies that wait for their turn.", lambda: gate.waiting)
        self.metrics.watch("spnl_requests_open", "Requests under way or waiting.", lambda: desk.taken)
        self.metrics.watch(
            "spnl_models_loaded", "Models in memory.", lambda: sum(map(served.is_loaded, served.names))
        )


class Call:
    """One request, from its arrival to the end of its response. Times are in seconds."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.id = secrets.token_hex(12)
        self.created = int(time())
        self.model: str | None = None
        self.usage: Usage | None = None
        self.first: float | None = None
        self.contents: dict[str, Any] = {}
        self.error: str | None = None
        self._started = perf_counter()

    @property
    def seconds(self) -> float:
        """How long ago the request arrived."""
        return perf_counter() - self._started

    def began(self) -> None:
        """The first piece of a reply is there."""
        if self.first is None:
            self.first = self.seconds
            if self.model is not None:
                self.server.metrics.began(self.model, self.first)

    def finished(self, usage: Usage) -> None:
        """All replies are complete."""
        self.usage = usage
        if self.model is not None:
            self.server.metrics.finished(self.model, usage, self.seconds)

    def report(self, error: Exception) -> None:
        """Something went wrong. A fault of ours goes to the server's keeper with its traceback."""
        told = as_http_error(error)
        self.error = told.id
        if isinstance(error, ModelError):
            self.server.say(f"request {self.id}: {error.message}")
        if told.id == "internal":
            self.server.say(
                f"request {self.id}: a fault of spnl\n{''.join(format_exception(error))}".rstrip()
            )

    def keep(self, **contents: Any) -> None:
        """Contents for the log, if the keeper wants any there."""
        if self.server.settings.log_contents:
            self.contents.update(contents)


def call_of(request: HttpRequest) -> Call:
    """The call that a request is."""
    call: Call = request.scope["state"]["call"]
    return call
