"""Killed at any moment, a journalled run continues: nothing finished is lost or done again."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from invoking import ROOT, process_environment

COMMAND = [sys.executable, os.path.join(ROOT, "tests", "journalled_command.py")]
INPUTS = 200


def start(folder: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start the command on a `map` of many inputs, with its notes in `folder`."""
    inputs = " ".join(f'"input {n}"' for n in range(INPUTS))
    return subprocess.Popen(
        [*COMMAND, "-q", "--output", "jsonl", *options, "-c", f"(map {inputs})"],
        stdout=subprocess.PIPE,
        env=process_environment(ASKED=str(folder / "asked")),
    )


def answers(out: bytes) -> list[str]:
    """The texts of an answer."""
    return [json.loads(line)["text"] for line in out.splitlines()]


def finished(journal: Path) -> list[bytes]:
    """The whole lines of a journal."""
    data = journal.read_bytes() if journal.exists() else b""
    return data[: data.rfind(b"\n") + 1].splitlines()


@pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.soak)])
def test_a_killed_run_continues(tmp_path: Path, kills: int) -> None:
    chance = random.Random(kills)
    (tmp_path / "undisturbed").mkdir()
    with start(tmp_path / "undisturbed") as undisturbed:
        expected = undisturbed.communicate()[0]
    journal, asked = tmp_path / "run.journal", tmp_path / "asked"
    lines: list[bytes] = []
    known: set[str] = set()
    killed = 0
    while True:
        asked.write_bytes(b"")
        # So many answers after those that were known, and a moment more.
        patience = len(known) + chance.randrange(2 * INPUTS // (3 * kills)) if killed < kills else INPUTS + 1
        with start(tmp_path, "--journal", str(journal)) as process:
            assert process.stdout is not None
            shown = [line for _, line in zip(range(patience), process.stdout, strict=False)]
            if killed < kills:
                time.sleep(chance.uniform(0, 0.003))
                process.kill()
                killed += 1
            else:
                assert process.wait() == 0
                break
        work = asked.read_text().splitlines()
        assert not known & set(work), "what was finished was asked again"
        now = finished(journal)
        assert now[: len(lines)] == lines, "a finished line is lost"
        # Work that is under way when the process is killed is not finished: as much as runs at once.
        assert len(work) - 3 <= len(now) - len(lines) - (not lines) <= len(work)
        lines = now
        known = {json.loads(line)["text"].rpartition(" ")[0] for line in lines[1:]}
        assert {text.rpartition(" ")[0] for text in answers(b"".join(shown))} <= known
    assert killed == kills
    assert not known & set(asked.read_text().splitlines())
    assert answers(b"".join(shown)) == answers(expected)
    assert len(finished(journal)) == INPUTS + 1
