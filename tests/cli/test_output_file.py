"""`-o FILE`: written whole or not at all."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from invoking import Ran, invoke


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spnl(monkeypatch: pytest.MonkeyPatch, *args: str) -> Ran:
    return invoke(monkeypatch, ["-m", "m", *args])


def test_the_answer_goes_to_the_file_alone(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Uncoloured, also where colours are forced on stdout."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    ran = spnl(monkeypatch, "-c", '(seq (g "é") (user "b"))', "-o", "answer.txt")
    assert ran == Ran(b"", "", 0)
    assert (here / "answer.txt").read_bytes() == "é\nb\n".encode()
    assert os.listdir() == ["answer.txt"]


def test_records_go_to_the_file_too(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert spnl(monkeypatch, "-c", '(g "a")', "--output", "nul", "-o", "answer").code == 0
    assert (here / "answer").read_bytes() == b"a\0"


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "nul"])
def test_a_program_that_fails_leaves_the_file_as_it_was(
    form: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "answer").write_text("old")
    ran = spnl(monkeypatch, "-c", '(seq (g "a") (g "!fail"))', "--output", form, "-o", "answer")
    assert (ran.out, ran.code) == (b"", 1)
    assert (here / "answer").read_text() == "old"
    assert spnl(monkeypatch, "-c", '(g "!fail")', "-o", "new").code == 1
    assert os.listdir() == ["answer"]


def test_a_file_is_replaced_and_keeps_its_mode(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "answer").write_text("something longer than the new")
    (here / "answer").chmod(0o640)
    assert spnl(monkeypatch, "-c", '(g "a")', "-o", "answer").code == 0
    assert (here / "answer").read_text() == "a\n"
    assert stat.S_IMODE((here / "answer").stat().st_mode) == 0o640


def test_a_link_stays_a_link(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "real").write_text("old")
    (here / "link").symlink_to("real")
    assert spnl(monkeypatch, "-c", '(g "a")', "-o", "link").code == 0
    assert (here / "link").is_symlink()
    assert (here / "real").read_text() == "a\n"


def test_a_file_that_cannot_be_replaced_stays(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last step fails: an error that names the file, the old one untouched, nothing left beside it."""

    def fail(self: Path, target: Path) -> None:
        raise PermissionError(13, "Permission denied")

    (here / "answer").write_text("old")
    monkeypatch.setattr(Path, "replace", fail)
    ran = spnl(monkeypatch, "-c", '(g "a")', "-o", "answer")
    assert (ran.out, ran.code) == (b"", 2)
    assert ran.err == "error[bad-output]: answer cannot be written: permission denied\n"
    assert (here / "answer").read_text() == "old"
    assert os.listdir() == ["answer"]


@pytest.mark.parametrize("target", [".", "folder", "missing/answer", "file/answer"])
def test_where_no_file_can_be_is_told_before_anything_is_asked(
    target: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "folder").mkdir()
    (here / "file").write_text("old")
    ran = spnl(monkeypatch, "-vv", "-c", '(g "never asked")', "-o", target)
    assert (ran.out, ran.code) == (b"", 2)
    assert ran.err.startswith(f"error[bad-output]: {target} ")
    assert "never asked" not in ran.err
    assert sorted(os.listdir()) == ["file", "folder"]


def test_a_folder_without_permission(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system tells it; whoever runs as root may write everywhere."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    ran = spnl(monkeypatch, "-c", '(g "never")', "-o", "answer")
    assert (ran.out, ran.code) == (b"", 2)
    assert ran.err.startswith("error[bad-output]: answer cannot be written")
    assert os.listdir() == []


def test_what_is_no_file_is_written_as_it_stands(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`/dev/null` stays what it is, and a pipe has a reader."""
    assert spnl(monkeypatch, "-c", '(g "a")', "-o", os.devnull) == Ran(b"", "", 0)
    assert not stat.S_ISREG(os.stat(os.devnull).st_mode)
    os.mkfifo("pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((here / "pipe").read_bytes()))
    reader.start()
    assert spnl(monkeypatch, "-c", '(g "a")', "-o", "pipe").code == 0
    reader.join(20)
    assert read == [b"a\n"]
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)
