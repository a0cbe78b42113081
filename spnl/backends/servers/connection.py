"""HTTP to a server of models: one client, which keeps connections, and errors of the network as failures.

Redirects are not followed: a prompt, and the key with it, goes to the server that the user named and to no
other. To a server on this machine no proxy is asked.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from time import monotonic
from typing import Any
from weakref import finalize

import httpx2

from spnl.backends.servers.address import Address
from spnl.backends.servers.deadlines import WATCH, Deadline
from spnl.backends.servers.failures import Asked, Failure, broken, not_there, refused, timed_out, unreachable
from spnl.frozen import Frozen
from spnl.version import __version__

_LONGEST_ERROR = 64 * 1024
_LONGEST_LIST = 4 * 1024 * 1024


class Patience(Frozen):
    """How long to wait, in seconds: for a connection, for the first token, and from one to the next.

    The first token has to wait for a model that the server loads, for those before it, and for the prompt.
    """

    connect: float = 10.0
    first: float = 600.0
    between: float = 120.0


class Reply:
    """A reply that streams: its events, and the deadline for the next."""

    def __init__(
        self, response: httpx2.Response, deadline: Deadline, failure: Callable[[Exception], Failure]
    ) -> None:
        self.deadline = deadline
        self._events = iter(httpx2.EventSource(response))
        self._failure = failure

    def next_event(self) -> str | None:
        """The data of the next event, None at the end; bytes that are no UTF-8 become U+FFFD.

        Raises `Failure` where the connection breaks, or where the event comes too late.
        """
        try:
            event = next(self._events, None)
        except httpx2.HTTPError as error:
            raise self._failure(error) from None
        if event is None and self.deadline.passed:  # where a reply ends with its connection
            raise self._failure(httpx2.ReadTimeout("late"))
        return event.data if event is not None else None

    def drain(self) -> None:
        """Read what may follow the last event, so that the connection can be used again."""
        with suppress(httpx2.HTTPError):
            for _ in self._events:
                pass


class Connection:
    """What requests to one server go through. Any number of threads may use it."""

    def __init__(self, address: Address, patience: Patience, parallel: int) -> None:
        headers = {"accept": "text/event-stream", "user-agent": f"spnl/{__version__}"}
        if address.key is not None:
            headers["authorization"] = f"Bearer {address.key}"
        self.address = address
        self._patience = patience
        # The store of certificates takes time to read, and a server without encryption shows none; should
        # there be encryption after all, the empty store trusts nobody.
        verify = True if address.is_encrypted else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client = httpx2.Client(
            headers=headers,
            timeout=httpx2.Timeout(
                connect=patience.connect, read=patience.first, write=patience.first, pool=None
            ),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=parallel),
            trust_env=not address.is_loopback,
            verify=verify,
        )
        self._end = finalize(self, self._client.close)

    def close(self) -> None:
        """Close the connections that are kept; this happens too when nobody has this one any more."""
        self._end()

    @contextmanager
    def post(self, path: str, body: dict[str, Any], asked: Asked) -> Iterator[Reply]:
        """A reply to a request, which ends with the block; raises `Failure` where there is none."""
        begun = monotonic()
        try:
            with self._client.stream("POST", f"{self.address.url}/{path}", json=body) as response:
                if response.status_code != 200:
                    raise self._failure(response, asked)
                stream = response.extensions["network_stream"]
                deadline = Deadline(stream.get_extra_info("socket"), begun, self._patience.first)
                failure = partial(self._network_failure, deadline=deadline, asked=asked)
                with WATCH.over(deadline):
                    yield Reply(response, deadline, failure)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise self._network_failure(error, None, asked) from None

    def _failure(self, response: httpx2.Response, asked: Asked) -> Failure:
        """The failure that a reply with another status than 200 is."""
        status = response.status_code
        if 300 <= status < 400:
            return refused(status, _place(response), None, asked)
        body = _beginning(response, _LONGEST_ERROR).decode("utf-8", "replace")
        if status == 404:
            return Failure(not_there(body, self.models(), asked))
        return refused(status, body, _retry_after(response), asked)

    def models(self) -> list[str] | None:
        """The names of the models that the server offers; None where it does not say."""
        try:
            with self._client.stream(
                "GET",
                f"{self.address.url}/models",
                headers={"accept": "application/json"},
                timeout=self._patience.connect,
            ) as response:
                if response.status_code != 200:
                    return None
                return _names(_beginning(response, _LONGEST_LIST))
        except httpx2.HTTPError:
            return None

    def _network_failure(self, error: Exception, deadline: Deadline | None, asked: Asked) -> Failure:
        """The failure that an error of the client is; whether the same may succeed is for the caller."""
        if deadline is not None and deadline.passed:
            what = "nothing more" if deadline.heard else "no token"
            return Failure(timed_out(asked, deadline.seconds, what))
        match error:
            case httpx2.ConnectTimeout():
                return Failure(unreachable(asked, f"no answer within {self._patience.connect:g} seconds"))
            case httpx2.ConnectError() | httpx2.ProxyError() | httpx2.UnsupportedProtocol():
                return Failure(unreachable(asked, _reason(error)))
            case httpx2.ReadTimeout() | httpx2.WriteTimeout():
                return Failure(timed_out(asked, self._patience.first, "nothing"))
            case httpx2.SSEError():
                return Failure(broken(asked, f"sends what is no reply: {_reason(error)}"))
            case httpx2.DecodingError():
                return Failure(broken(asked, f"sends a reply that cannot be unpacked: {_reason(error)}"))
            case _:
                return Failure(broken(asked, "closed the connection before the reply ended"), again=True)


def _reason(error: Exception) -> str:
    """What an exception of the client says, as a part of a sentence."""
    text = " ".join(str(error).split()).rstrip(".")[:200]
    text = text.partition("] ")[2] or text  # `[Errno 111] Connection refused`
    return text[:1].lower() + text[1:] if text else type(error).__name__


def _place(response: httpx2.Response) -> str:
    """Where a redirect leads, without what may be secret in it."""
    return response.headers.get("location", "").partition("?")[0][:200]


def _retry_after(response: httpx2.Response) -> float | None:
    """How long the server asks to wait, in seconds: `Retry-After` as a number or as a date (RFC 9110)."""
    text = response.headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if seconds == seconds else None


def _beginning(response: httpx2.Response, limit: int) -> bytes:
    """The body of a reply, as far as it is read."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        parts.append(part)
        size += len(part)
        if size >= limit:
            break
    return b"".join(parts)[:limit]


def _names(body: bytes) -> list[str] | None:
    """The names in a list of models, as OpenAI lays it out; Gemini's begin with `models/`."""
    import json

    try:
        rows = json.loads(body)["data"]
        return [str(row["id"]).removeprefix("models/") for row in rows]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
