"""Sixty-four clients that stream at once: no error, each gets the answer to its own question, memory is flat.

The short run is part of the suite; `make soak` runs the minute.
"""

from __future__ import annotations

import json
import os
import threading
from time import monotonic

import pytest
from serving import ServeProcess, ask, connect, fetch, request_bytes

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
FLAT = 30 * 1024 * 1024
"""Bytes that memory may grow from when the load is whole to its end."""


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


def load(server: ServeProcess, seconds: float) -> tuple[int, list[str], list[int]]:
    """Keep all clients streaming for a time: how many replies came, what went wrong, memory on the way."""
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
        print(f"{count} replies; memory in MiB: {[size // 2**20 for size in memory]}")
        assert wrong == []
        settled = memory[len(memory) // 4 :]
        assert max(settled) - settled[0] < FLAT, memory


def test_many_different_prompts_leave_memory_as_it_was() -> None:
    """The engine's prefix cache, which grows by 2 MB with each, is off unless it is asked for."""
    with ServeProcess("tiny") as server:
        for number in range(20):
            fetch(f"{server.url}/v1/chat/completions", ask(f"warm {number}", max_tokens=2))
        before = server.resident()
        for number in range(60):
            fetch(f"{server.url}/v1/chat/completions", ask(f"word {number}", max_tokens=2))
        assert server.resident() - before < FLAT
