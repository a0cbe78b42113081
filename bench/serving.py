"""Serving: what `spnl serve` adds to the same generations in process, with 1 client and with 16.

The server is a process of its own, with the same model and one thread; clients hold their connections and
read the stream with a bare socket, so that what is measured is the server. Rounds alternate.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from bench.figures import Figure

QUESTION = "Count from 1 to 50."
TOKENS = 100
ROUNDS = {1: 40, 16: 8}


class Timed(NamedTuple):
    """One generation: seconds to its first piece, and its tokens."""

    first: float
    tokens: int


def figures() -> Iterator[Figure]:
    """Time to the first token and tokens a second, each against in-process."""
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
    """The library, as the server uses it: as many at once as the engine is worth, in the order of asking."""

    def __init__(self) -> None:
        import spnl
        from spnl.backends.pool import POOL

        engine = POOL.get("mistralrs/tiny")
        self._turns = threading.Semaphore(engine.parallel)
        self._program = spnl.expand(f'(g "{QUESTION}" (temperature 0) (max-tokens {TOKENS}))')

    def ask(self) -> Timed:
        """One generation, with its wait for its turn."""
        import spnl

        class FirstToken:
            """Notes when the answer begins."""

            at = 0.0

            def begin(self, style: object) -> None:
                self.at = time.perf_counter()

            def write(self, text: str) -> None: ...

            def end(self, leaf: object) -> None: ...

        first = FirstToken()
        started = time.perf_counter()
        with self._turns:
            answer = spnl.run(self._program, output=first)
        return Timed(first.at - started, answer.replies[0].usage.completion_tokens)


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
