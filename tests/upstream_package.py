"""Upstream's own Python package in a process of its own, and a scripted server for it to speak to."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

CHILD = """
import asyncio, json, sys, spnl
async def ask(query): return await spnl.execute(query)
for line in sys.stdin:
    try: told = {"data": asyncio.run(ask(json.loads(line))).data}
    except BaseException as error: told = {"error": str(error)}
    print("\\0" + json.dumps(told), flush=True)
"""
"""Runs queries, one from each line; upstream itself writes to stdout as well, so what we read is marked."""


class Asked(NamedTuple):
    """One generation, as either side asks for it. Upstream's temperatures have 32 bits."""

    messages: tuple[tuple[str, str], ...]
    max_tokens: int
    temperature: float


def as_upstream(temperature: float) -> float:
    """A temperature as upstream has it, with 32 bits, in digits that can be compared."""
    (single,) = struct.unpack("f", struct.pack("f", temperature))
    return round(single, 5)


def reply_to(messages: Sequence[tuple[str, str]]) -> str:
    """What the model says: one word, which only the messages decide."""
    return "r" + hashlib.sha256(json.dumps(list(messages)).encode()).hexdigest()[:8]


class Scripted(BaseHTTPRequestHandler):
    """Answers chat and completion requests with streams, and keeps what was asked."""

    asked: list[Asked]
    bodies: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.bodies.append(body)
        chat = self.path.endswith("/chat/completions")
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for index, prompt in enumerate(self.prompts(body, chat)):
            limit = body["max_completion_tokens" if chat else "max_tokens"]
            self.asked.append(Asked(prompt, limit, as_upstream(body["temperature"])))
            said = reply_to(prompt)
            choice: dict[str, Any] = {"index": index, "finish_reason": None}
            choice |= {"delta": {"role": "assistant", "content": said}} if chat else {"text": said}
            kind = "chat.completion.chunk" if chat else "text_completion"
            chunk = {"id": "x", "object": kind, "created": 1, "model": body["model"], "choices": [choice]}
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")

    @staticmethod
    def prompts(body: dict[str, Any], chat: bool) -> list[tuple[tuple[str, str], ...]]:
        if not chat:
            return [(("user", text),) for text in body["prompt"]]
        return [tuple((said["role"], said["content"]) for said in body["messages"])] * body.get("n", 1)

    def log_message(self, *args: Any) -> None:
        """Nothing on stderr."""


class Upstream:
    """The package, ready to be given queries. `url` is its server, which keeps what it was asked last."""

    def __init__(self, child: subprocess.Popen[str], url: str, handler: type[Scripted]) -> None:
        self._child = child
        self.url = url
        self.asked = handler.asked
        self.bodies = handler.bodies

    def forget(self) -> None:
        """Let the server forget what it was asked."""
        self.asked.clear()
        self.bodies.clear()

    def execute(self, query: str) -> tuple[dict[str, str], list[Asked]]:
        """What it says to a query, `data` or `error`, and what it asked for."""
        self.forget()
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(json.dumps(query) + "\n")
        self._child.stdin.flush()
        while line := self._child.stdout.readline():
            _, marked, told = line.partition("\0")
            if marked:
                return json.loads(told), list(self.asked)
        raise AssertionError("upstream's package has died")


@contextmanager
def running(python: Path) -> Iterator[Upstream]:
    """The package that is installed for an interpreter, which is not this one."""
    handler = type("Handler", (Scripted,), {"asked": [], "bodies": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    environment = {
        **os.environ,
        "OPENAI_API_BASE": url,
        "OPENAI_API_KEY": "none",
    }
    pipes: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.DEVNULL,
    }
    # Isolated (-I), so that no path leads to our package of the same name.
    with subprocess.Popen([python, "-I", "-c", CHILD], text=True, env=environment, **pipes) as child:
        try:
            yield Upstream(child, url, handler)
        finally:
            child.kill()
            server.shutdown()
            server.server_close()
