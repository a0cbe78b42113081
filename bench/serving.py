"""Serving: what `spnl serve` adds to the same generations in process, with 1 client and with 16.

The server is a process of its own, with the same model and one thread; clients hold their connections and
read the stream with a bare socket, so that what is measured is the server. In process, threads ask the same
engine under the same scheduling. Rounds alternate. Of many who ask at once most of the time to the first
token is the wait for others' replies, so a loss of speed is in it many times over.
"""

from __future__ import annotations

import json
import os
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from bench.figures import Figure
from spnl.executor.results import Leaf

QUESTION = "Count from 1 to 50."
TOKENS = 100
ROUNDS = {1: 40, 16: 8}


class Timed(NamedTuple):
    """One generation: seconds to its first piece, and its tokens."""

    first: float
    tokens: int


def figures() -> Iterator[Figure]:
    """Time to the first token and tokens a second, each against in-process."""
    yield Figure("writing the event of a token, by msgspec", _writing() * 1e6, "µs")
    ours = _InProcess()
    with _server() as address:
        for clients, rounds in ROUNDS.items():
            connections = [_Connection(address) for _ in range(clients)]
            _round([connection.ask for connection in connections])
            _round([ours.ask] * clients)
            added, speeds, plain = [], [], []
            for _ in range(rounds):
                served, speed = _round([connection.ask for connection in connections])
                direct, plain_speed = _round([ours.ask] * clients)
                # The median of those who ask at once: they wait for each other, here as there.
                added.append(_median_first(served) - _median_first(direct))
                speeds.append(speed / plain_speed)
                plain.append(plain_speed)
            for connection in connections:
                connection.close()
            who = "1 client" if clients == 1 else f"{clients} clients"
            yield Figure(f"in process, {who}", statistics.median(plain), "tok/s")
            yield Figure(
                f"serve, {who}: time to first token, more than in process",
                statistics.median(added) * 1000,
                "ms",
                5,
            )
            yield Figure(
                f"serve, {who}: tokens a second, of in process", statistics.median(speeds), "", 0.95, True
            )


def _writing() -> float:
    """Seconds to write one event of a stream."""
    import msgspec

    from spnl.backends.base import Chunk
    from spnl.server.shapes import ChatShape, Gathered

    shape = ChatShape("0" * 24, 1, "tiny", logprobs=False, counted=False)
    *_, event = shape.piece(0, Chunk(" word"), Gathered())
    return min(timeit.repeat(lambda: msgspec.json.encode(event), number=10_000, repeat=5)) / 10_000


def _median_first(times: list[Timed]) -> float:
    return statistics.median(each.first for each in times)


def _round(asks: list[Callable[[], Timed]]) -> tuple[list[Timed], float]:
    """Ask all at once; the times of each, and the tokens a second of all together."""
    times: list[Timed] = []
    threads = [threading.Thread(target=lambda ask=ask: times.append(ask())) for ask in asks]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.perf_counter() - started
    return times, sum(each.tokens for each in times) / taken


class _InProcess:
    """The library behind the server's own gate: the same order of work, without the server."""

    def __init__(self) -> None:
        import spnl
        from spnl.backends.pool import POOL
        from spnl.server.sharing import Gate, SharedEngine, SharedModels, Stop

        engine, gate = POOL.get("mistralrs/tiny"), Gate()
        self._models = SharedModels(lambda name: SharedEngine(name, engine, gate, Stop(), TOKENS))
        program = f'(g "{QUESTION}" (model "tiny") (temperature 0) (max-tokens {TOKENS}))'
        self._query = spnl.expand(program)

    def ask(self) -> Timed:
        """One generation, with its wait for its turn."""
        from spnl.executor.machine import execute
        from spnl.executor.observer import Observer
        from spnl.executor.options import RunOptions

        class Noted:
            """Notes when the answer begins, and its tokens."""

            is_live = True
            at = 0.0
            tokens = 0

            def begin(self, style: object) -> None:
                self.at = time.perf_counter()

            def write(self, text: str) -> None: ...

            def end(self, leaf: Leaf) -> None:
                assert leaf.reply is not None
                self.tokens = leaf.reply.usage.completion_tokens

        noted = Noted()
        started = time.perf_counter()
        execute(self._query, self._models, noted, Observer(), RunOptions())
        return Timed(noted.at - started, noted.tokens)


class _Connection:
    """A client that keeps its connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = json.dumps(
            {
                "model": "tiny",
                "messages": [{"role": "user", "content": QUESTION}],
                "temperature": 0,
                "max_tokens": TOKENS,
                "stream": True,
                "stream_options": {"include_usage": True},
            }
        ).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self._request = head.encode() + body

    def ask(self) -> Timed:
        """One generation, streamed."""
        started = time.perf_counter()
        self._socket.sendall(self._request)
        first = 0.0
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            received += self._socket.recv(65536)
            if not first and b'"content":"' in received:
                first = time.perf_counter()
        found = re.search(rb'"completion_tokens":(\d+)', received)
        assert found is not None, received
        return Timed(first - started, int(found[1]))

    def close(self) -> None:
        """Let the connection go."""
        self._socket.close()


@contextmanager
def _server() -> Iterator[tuple[str, int]]:
    """A server, once it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", "spnl", "serve", "tiny", "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"at http://([\d.]+):(\d+)/v1", line):
                yield found[1], int(found[2])
                break
        else:
            raise RuntimeError("the server did not start")
    finally:
        process.terminate()
        process.wait()
