"""A scripted HTTP server: real connections on this machine, on which a test decides every byte.

It stands where servers of models do. A script is called for each request with an `Exchange`, in a thread of
its own, and writes the reply; what it does not end properly is cut.
"""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from scripted import PATIENCE


class Asked:
    """One request, as it came."""

    def __init__(self, method: str, path: str, headers: Mapping[str, str], body: bytes, peer: object) -> None:
        self.method = method
        self.path = path
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.body = json.loads(body) if body else None
        self.peer = peer
        """The other end of the connection: equal for two requests on one connection."""


class Exchange:
    """One request, and the writing of its reply."""

    def __init__(self, asked: Asked, connection: socket.socket) -> None:
        self.asked = asked
        self.keep_open = True
        self._connection = connection

    def send(self, data: bytes) -> None:
        """Bytes as they are."""
        self._connection.sendall(data)

    def head(self, status: int = 200, **headers: str) -> None:
        """The head of a reply: `content_type="text/plain"` is the header `content-type: text/plain`."""
        lines = [f"HTTP/1.1 {status} Scripted"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def chunk(self, data: bytes) -> None:
        """A piece of a chunked body."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def begin(self, **headers: str) -> None:
        """The head of a reply that streams."""
        self.head(content_type="text/event-stream", transfer_encoding="chunked", **headers)

    def event(self, data: Any) -> None:
        """One event of a stream."""
        self.chunk(event(data))

    def say(self, text: str = "", **delta: Any) -> None:
        """A piece of a reply."""
        self.event(piece(text, **delta))

    def finish(self, reason: str = "stop", usage: Mapping[str, Any] | None = None) -> None:
        """The end of a stream as OpenAI's API has it."""
        self.event(piece(reason=reason))
        if usage is not None:
            self.event({"id": "x", "choices": [], "usage": usage})
        self.event("[DONE]")
        self.end()

    def end(self) -> None:
        """The end of a chunked body."""
        self.send(b"0\r\n\r\n")

    def reply(self, text: str, usage: Mapping[str, Any] | None = None) -> None:
        """A whole reply, a word at a time."""
        self.begin()
        for index, word in enumerate(text.split(" ")):
            self.say(word if index == 0 else f" {word}")
        self.finish(usage=usage)

    def plain(self, status: int, body: Any, **headers: str) -> None:
        """A whole reply that does not stream: JSON, or a text as it is."""
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        headers.setdefault("content_type", "application/json")
        self.head(status, content_length=str(len(data)), **headers)
        self.send(data)

    def cut(self) -> None:
        """Close the connection at once."""
        self.keep_open = False

    def wait_until_closed(self) -> None:
        """Wait until the client has closed the connection."""
        self._connection.settimeout(PATIENCE)
        with suppress(ConnectionError):
            assert self._connection.recv(1) == b"", "the client sent something"
        self.keep_open = False


Script = Callable[[Exchange], None]


def event(data: Any) -> bytes:
    """One event: an object as JSON, a text as it is."""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


def piece(text: str = "", *, reason: str | None = None, **delta: Any) -> dict[str, Any]:
    """A chunk of a chat completion."""
    delta = {"content": text, **delta} if text or delta else {}
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}


def zipped(*events: Any) -> bytes:
    """Events, compressed."""
    return gzip.compress(b"".join(map(event, events)))


class ScriptedServer:
    """The server: `url` ends in /v1, `asked` are the requests in order. A script's own failure is raised."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.port = server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.asked: list[Asked] = []
        self.failures: list[BaseException] = []

    @property
    def bodies(self) -> list[Any]:
        """What was posted."""
        return [asked.body for asked in self.asked if asked.method == "POST"]


@contextmanager
def serving(*scripts: Script) -> Iterator[ScriptedServer]:
    """A server that replies by one script after another, and by the last from then on."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            with suppress(ConnectionError):
                super().handle_one_request()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = Asked(self.command, self.path, self.headers, body, self.client_address)
            with lock:
                script = scripts[min(len(served.asked), len(scripts) - 1)]
                served.asked.append(asked)
            self.close_connection = True
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            exchange = Exchange(asked, self.connection)
            try:
                script(exchange)
            except ConnectionError:
                return
            except BaseException as error:
                served.failures.append(error)
                return
            self.close_connection = not exchange.keep_open

        do_GET = do_POST = answer

        def log_message(self, *args: Any) -> None:
            """Nothing on stderr."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Nothing on stderr: a client that goes away is no failure of a test."""

    server = Server(("127.0.0.1", 0), Handler)
    served = ScriptedServer(server)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    if served.failures:
        raise served.failures[0]
