"""Requests made from the server's own description, right and wrong, sent by schemathesis to the real thing.

Whatever comes: no fault of the server, no status or body that the description lacks, nothing wrong accepted,
and memory and threads as before. What is right by the description may be refused for how its fields go
together (a seed above temperature 0), so that check is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from goldens import IN_CI
from serving import ServeProcess, ask, fetch

SCHEMATHESIS = Path(sys.executable).with_name("st")
KEY = "a-key"
MOST_GROWTH = 150 * 1024 * 1024
"""Bytes: caches of prefixes and of grammars fill up once."""


def fuzz(server: ServeProcess, folder: Path, *options: str, seconds: float) -> None:
    """Run schemathesis against a server; fails with its report where it has found something."""
    done = subprocess.run(
        [
            str(SCHEMATHESIS),
            "run",
            f"{server.url}/openapi.json",
            "--checks=all",
            "--exclude-checks=positive_data_acceptance",
            "--request-timeout=30",
            "--no-color",
            f"--header=Authorization: Bearer {KEY}",
            *options,
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        timeout=seconds,
        env={**os.environ, "NO_PROXY": "*"},
    )
    if done.returncode != 0:
        pytest.fail(done.stdout[-20_000:] + done.stderr[-2_000:])


def check_after(server: ServeProcess, before: int) -> None:
    """See that the server is as it was. It runs without a prefix cache, so memory shows its own leaks."""
    header = {"Authorization": f"Bearer {KEY}"}
    reply = fetch(f"{server.url}/v1/chat/completions", ask("What is the capital of Italy?"), **header)
    assert reply.json["choices"][0]["message"]["content"] == "The capital of Italy is Rome."
    assert b"spnl_requests_open 1.0" not in fetch(f"{server.url}/metrics", **header).body
    assert server.resident() - before < MOST_GROWTH
    assert not [line for line in server.notices if "fault of spnl" in line or "panicked" in line]
    assert server.process.poll() is None


LIMITS = ("--max-tokens", "16", "--timeout", "20", "--max-body", "0.25")


def test_a_short_run(tmp_path: Path) -> None:
    with ServeProcess("tiny", *LIMITS, SPNL_API_KEY=KEY, MISTRALRS_PREFIX_CACHE_N="0") as server:
        fetch(f"{server.url}/v1/completions", {"model": "tiny", "prompt": "x"}, Authorization=f"Bearer {KEY}")
        before = server.resident()
        options = ("--phases=fuzzing", "--max-examples=20", *(("--seed=1",) if IN_CI else ()))
        fuzz(server, tmp_path, *options, seconds=110)
        check_after(server, before)


@pytest.mark.soak
def test_an_hour(tmp_path: Path) -> None:
    seconds = int(os.environ.get("SPNL_FUZZ_SECONDS", "3600"))
    with ServeProcess("tiny", *LIMITS, SPNL_API_KEY=KEY, MISTRALRS_PREFIX_CACHE_N="0") as server:
        fetch(f"{server.url}/v1/completions", {"model": "tiny", "prompt": "x"}, Authorization=f"Bearer {KEY}")
        before = server.resident()
        options = ("--phases=coverage,fuzzing", f"--max-time={seconds}", "--continue-on-failure")
        fuzz(server, tmp_path, *options, seconds=seconds + 600)
        check_after(server, before)
