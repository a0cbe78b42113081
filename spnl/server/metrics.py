"""What a server counts, in Prometheus' text format. Labels hold names of the server's, never a client's."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from spnl.backends.base import Usage

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """The counters of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "spnl_requests", "Requests answered.", ["path", "status"], registry=self.registry
        )
        self._tokens = Counter(
            "spnl_tokens", "Tokens read and made.", ["model", "kind"], registry=self.registry
        )
        self._first = Histogram(
            "spnl_time_to_first_token_seconds",
            "From a request's arrival to the first piece of its reply.",
            ["model"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._duration = Histogram(
            "spnl_generation_seconds",
            "From a request's arrival to the end of its reply.",
            ["model"],
            buckets=_SECONDS,
            registry=self.registry,
        )

    def watch(self, name: str, help: str, value: Callable[[], float]) -> None:
        """A gauge that is read when it is asked for."""
        Gauge(name, help, registry=self.registry).set_function(value)

    def answered(self, path: str, status: int) -> None:
        """A request to a route has been answered."""
        self._requests.labels(path, str(status)).inc()

    def began(self, model: str, seconds: float) -> None:
        """The first piece of a reply came so long after the request."""
        self._first.labels(model).observe(seconds)

    def finished(self, model: str, usage: Usage, seconds: float) -> None:
        """A reply is complete."""
        self._tokens.labels(model, "prompt").inc(usage.prompt_tokens)
        self._tokens.labels(model, "cached").inc(usage.cached_tokens)
        self._tokens.labels(model, "completion").inc(usage.completion_tokens)
        self._duration.labels(model).observe(seconds)

    def text(self) -> bytes:
        """Everything, for a scrape."""
        return generate_latest(self.registry)
