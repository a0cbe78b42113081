"""Asking a server: what the client backend adds to a bare HTTP client on the same requests."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.figures import Figure

TOKENS = 32
ROUNDS = 300


def figures() -> Iterator[Figure]:
    """Milliseconds of a whole request, whose reply of 32 tokens the server has at once."""
    command = [sys.executable, "-m", "bench.servers"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            yield from _compare(port)
        finally:
            server.kill()


def _compare(port: int) -> Iterator[Figure]:
    from spnl.backends.base import Request
    from spnl.backends.servers.address import Address
    from spnl.backends.servers.dialect import DIALECTS
    from spnl.backends.servers.engine import ServerEngine
    from spnl.query import Sampling

    request = Request((("user", "Count to 32."),), Sampling(max_tokens=TOKENS, temperature=0.0))
    dialect = DIALECTS["openai"]
    body = json.dumps(dialect.body("m", request))
    connection = http.client.HTTPConnection("127.0.0.1", port)
    address = Address(f"http://127.0.0.1:{port}/v1", "OPENAI_API_BASE")
    engine = ServerEngine(lambda: address, "m", dialect)

    def bare() -> None:
        headers = {"content-type": "application/json"}
        connection.request("POST", "/v1/chat/completions", body, headers)
        assert connection.getresponse().read().endswith(b"data: [DONE]\n\n")

    def ours() -> None:
        assert len(list(engine.stream(request))) == TOKENS + 1

    plain, full = [], []
    for _ in range(ROUNDS):
        for ask, times in ((bare, plain), (ours, full)):
            started = time.perf_counter()
            ask()
            times.append(time.perf_counter() - started)
    engine.close()
    connection.close()
    added = statistics.median(a - b for a, b in zip(full, plain, strict=True))
    yield Figure("a request by a bare HTTP client", statistics.median(plain) * 1000, "ms")
    yield Figure("a request to a server, more than that", added * 1000, "ms", 2)


class _Server(BaseHTTPRequestHandler):
    """Replies to every request at once, on a connection that stays."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        choice: dict[str, Any] = {"index": 0, "delta": {"content": " word"}, "finish_reason": None}
        chunk = {
            "id": "x",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [choice],
        }
        for data in (*[json.dumps(chunk)] * TOKENS, "[DONE]"):
            event = f"data: {data}\n\n".encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        """Nothing on stderr."""


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as listening:
        print(listening.server_port, flush=True)
        listening.serve_forever()
