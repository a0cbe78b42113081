"""The history's file: shared by several sessions, bounded, private, and whole after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from invoking import process_environment

from spnl.repl import history
from spnl.repl.history import HistoryFile, history_file

WRITER = """
import sys
from pathlib import Path
from spnl.repl.history import HistoryFile
file = HistoryFile(Path(sys.argv[1]))
for index in range(int(sys.argv[3])):
    file.add(f"{sys.argv[2]}\\n{index}")
    if index == 0: print("begun", flush=True)
"""


@pytest.fixture
def path(state_folder: Path) -> Path:
    return state_folder / "history.jsonl"


def test_entries_come_back_in_order_with_their_lines(path: Path) -> None:
    HistoryFile(path).add("one")
    HistoryFile(path).add('(two\n  "é\u2028")')
    assert HistoryFile(path).entries() == ["one", '(two\n  "é\u2028")']


def test_it_is_in_the_folder_for_state_and_private(path: Path) -> None:
    history_file(os.environ).add("secret")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_makes_no_sense_is_left_out(path: Path) -> None:
    HistoryFile(path).add("one")
    with path.open("ab") as file:
        file.write(b'\xff\n3\n"two"\n"thr')
    assert HistoryFile(path).entries() == ["one", "two"]


def test_it_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_ENTRIES", 10)
    monkeypatch.setattr(history, "SLACK", 5)
    file = HistoryFile(path)
    for index in range(16):
        file.add(str(index))
    assert file.entries() == [str(index) for index in range(6, 16)]
    assert len(path.read_text().splitlines()) == 10
    assert path.stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr(history, "MOST_BYTES", 10)
    file.entries()
    assert len(path.read_text().splitlines()) == 5
    file.add("x" * 200_000)
    assert file.entries()[-1] == "15"


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    file = HistoryFile(tmp_path / "file" / "history.jsonl")
    file.add("one")
    assert file.entries() == []


def test_several_processes_lose_nothing_of_each_other(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, "200"], env=process_environment())
        for name in ("a", "b", "c")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    found = HistoryFile(path).entries()
    for name in ("a", "b", "c"):
        assert [entry for entry in found if entry[0] == name] == [f"{name}\n{index}" for index in range(200)]


def test_a_writer_that_is_killed_loses_nothing_that_was_entered(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), "a", "1000000"],
        env=process_environment(),
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"begun\n"
        writer.send_signal(signal.SIGKILL)
    lines = path.read_text().splitlines()
    assert [json.loads(line) for line in lines] == [f"a\n{index}" for index in range(len(lines))]
    HistoryFile(path).add("after")
    assert HistoryFile(path).entries()[-1] == "after"
