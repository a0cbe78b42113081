"""Serving: what `spnl serve` adds to the same generations in process, with 1 client and with 16.

The server is a process of its own, with the same model and one thread; clients hold their connections and
read the stream with a bare socket, so that what is measured is the server. In process, threads ask the same
engine under the same scheduling. Rounds alternate, and so does which goes first.

Of many who ask at once most of the time to the first token is the wait for others' replies, in which the
noise of the engine's speed, some 5 % of a round, is the greatest part. So that time is measured with short
replies.
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
from functools import partial
from typing import NamedTuple

from bench.figures import Figure
from spnl.executor.results import Leaf

QUESTION = "Count from 1 to 50."
LONG, SHORT = 100, 16
"""Tokens of a reply, where speed is measured and where the time to the first token is."""

CLIENTS = (1, 16)
SITTINGS = 5
"""How often the server and the engine in process are started anew: two of a kind differ by a few percent."""

ROUNDS = 10
"""Rounds of each sitting."""


class Timed(NamedTuple):
    """One generation: seconds to its first piece, and its tokens."""

    first: float
    tokens: int


class _Noted(NamedTuple):
    """What the server adds to the time to the first token, its speed as a ratio, and the speed in process."""

    added: list[float]
    speeds: list[float]
    plain: list[float]


def figures() -> Iterator[Figure]:
    """Time to the first token and tokens a second, each against in-process."""
    yield Figure("writing the event of a token, by msgspec", _writing() * 1e6, "µs")
    noted: dict[int, _Noted] = {clients: _Noted([], [], []) for clients in CLIENTS}
    for _ in range(SITTINGS):
        ours = _InProcess()
        with _server() as address:
            for clients in CLIENTS:
                connections = [_Connection(address) for _ in range(clients)]
                _compare(connections, ours, noted[clients])
                for connection in connections:
                    connection.close()
        ours.close()
    for clients, (added, speeds, plain) in noted.items():
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


def _compare(connections: list[_Connection], ours: _InProcess, noted: _Noted) -> None:
    """Ask the server and in process in turn, first for short replies and then for long ones."""
    for tokens in (SHORT, LONG):
        served = [partial(connection.ask, tokens) for connection in connections]
        direct = [partial(ours.ask, tokens)] * len(connections)
        _round(served)
        _round(direct)
        for number in range(ROUNDS):
            if number % 2:
                (waits, speed), (plain_waits, plain_speed) = _round(served), _round(direct)
            else:
                (plain_waits, plain_speed), (waits, speed) = _round(direct), _round(served)
            if tokens == SHORT:
                # The median of those who ask at once: they wait for each other, here as there.
                noted.added.append(_median_first(waits) - _median_first(plain_waits))
            else:
                noted.speeds.append(speed / plain_speed)
                noted.plain.append(plain_speed)


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

        self._pool = POOL
        engine, gate = POOL.get("mistralrs/tiny"), Gate()
        self._models = SharedModels(lambda name: SharedEngine(name, engine, gate, Stop(), LONG))
        program = '(g "{}" (model "tiny") (temperature 0) (max-tokens {}))'
        self._queries = {tokens: spnl.expand(program.format(QUESTION, tokens)) for tokens in (SHORT, LONG)}

    def ask(self, tokens: int) -> Timed:
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
        execute(self._queries[tokens], self._models, noted, Observer(), RunOptions())
        return Timed(noted.at - started, noted.tokens)

    def close(self) -> None:
        """Let the engine go."""
        self._pool.unload_all()


class _Connection:
    """A client that keeps its connection."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = {tokens: _request(tokens) for tokens in (SHORT, LONG)}

    def ask(self, tokens: int) -> Timed:
        """One generation, streamed."""
        started = time.perf_counter()
        self._socket.sendall(self._requests[tokens])
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


def _request(tokens: int) -> bytes:
    """A request for a reply of so many tokens, as it goes over the wire."""
    body = json.dumps(
        {
            "model": "tiny",
            "messages": [{"role": "user", "content": QUESTION}],
            "temperature": 0,
            "max_tokens": tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


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
