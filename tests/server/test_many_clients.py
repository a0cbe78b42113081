"""Sixty-four clients that stream at once: no error, each gets its own answer, memory is bounded.

The short run is part of the suite; `make soak` runs the minute.
"""

from __future__ import annotations

import json
import os
import threading
from time import monotonic

import pytest
from serving import ServeProcess, ask, connect, fetch, request_bytes

from spnl.backends.mistralrs.runners import LEAST_GROWTH

CLIENTS = 64
CAPITALS = {
    "France": "Paris",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Japan": "Tokyo",
    "Egypt": "Cairo",
    "Norway": "Oslo",
    "Greece": "Athens",
    "Portugal": "Lisbon",
}
BOUNDED = LEAST_GROWTH + (300 << 20)
"""Bytes that memory may grow by: what the engine may remember of prompts, and what the allocator keeps."""


def stream_once(url: str, country: str) -> str:
    """The whole reply about a country, streamed over a connection of its own."""
    with connect(url) as connection:
        connection.settimeout(90)
        body = ask(f"What is the capital of {country}?", stream=True)
        connection.sendall(request_bytes("/v1/chat/completions", body))
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            data = connection.recv(65536)
            if not data:
                raise AssertionError(f"cut after {received!r}")
            received += data
    assert received.startswith(b"HTTP/1.1 200"), received
    events = [line for line in received.split(b"\n") if line.startswith(b"data: ")]
    assert events[-1].strip() == b"data: [DONE]"
    deltas = [json.loads(event[6:])["choices"][0]["delta"] for event in events[:-1]]
    return "".join(delta.get("content", "") for delta in deltas)


def known_answers(url: str) -> dict[str, str]:
    """What the model says of each country when it is asked alone; it knows these."""
    answers = {country: stream_once(url, country) for country in CAPITALS}
    assert all(capital in answers[country] for country, capital in CAPITALS.items())
    return answers


def ask_what_nobody_asked(url: str, number: int) -> None:
    """A prompt of its own, of which the engine remembers all that it reads: 2 MB."""
    reply = fetch(f"{url}/v1/chat/completions", ask(f"word {number}", max_tokens=2))
    assert reply.status == 200, reply.body


def load(server: ServeProcess, seconds: float) -> tuple[int, list[str], list[int]]:
    """Keep all clients streaming for a time: how many turns were had, what went wrong, memory."""
    answers = known_answers(server.url)
    end = monotonic() + seconds
    lock = threading.Lock()
    count, wrong, memory = 0, [], [server.resident()]

    def client(number: int) -> None:
        nonlocal count
        countries = list(CAPITALS)
        turn = number
        while True:
            country = countries[turn % len(countries)]
            turn += 1
            try:
                said = stream_once(server.url, country)
                ask_what_nobody_asked(server.url, number * 1_000_000 + turn)
                fault = "" if said == answers[country] else f"{country}: {said}"
            except (OSError, AssertionError, ValueError) as error:
                fault = f"{country}: {error!r}"
            with lock:
                count += 1
                if fault:
                    wrong.append(fault)
                if count % 100 == 0:
                    memory.append(server.resident())
            if monotonic() > end:
                return

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory.append(server.resident())
    return count, wrong, memory


def test_a_short_run() -> None:
    with ServeProcess("tiny") as server:
        count, wrong, _ = load(server, 0.5)
        assert wrong == []
        assert count >= CLIENTS
        metrics = fetch(f"{server.url}/metrics").body.decode()
        assert "spnl_queue 0.0" in metrics and "spnl_streaming 0.0" in metrics


@pytest.mark.soak
def test_a_minute() -> None:
    with ServeProcess("tiny") as server:
        count, wrong, memory = load(server, float(os.environ.get("SPNL_LOAD_SECONDS", "60")))
        print(f"{count} turns of two replies; memory in MiB: {[size // 2**20 for size in memory]}")
        assert wrong == []
        assert max(memory) - memory[0] < BOUNDED, memory
