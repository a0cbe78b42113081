"""`spnl fmt`: files rewritten, or not, and what is said about it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from invoking import Ran, invoke, process_environment

MESSY = b"(seq\n  (user   'x'))\n".replace(b"'", b'"')
NEAT = b'(seq (user "x"))\n'
BROKEN = b"(seq\n"

Fmt = Callable[..., Ran]

unprivileged = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not bind this user"
)


@pytest.fixture
def fmt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fmt:
    """Runs `spnl fmt` in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def run(*args: str, stdin: bytes = b"", terminal: bool = False) -> Ran:
        return invoke(monkeypatch, ["fmt", *args], stdin=stdin, terminal=terminal, script=None)

    return run


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    path = tmp_path / "messy.spnl"
    path.write_bytes(MESSY)
    return path


def untouched(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ino


def test_a_file_is_rewritten(fmt: Fmt, messy: Path) -> None:
    messy.chmod(0o754)
    assert fmt("messy.spnl") == (b"", "spnl: formatted messy.spnl\n", 0)
    assert messy.read_bytes() == NEAT
    assert stat.S_IMODE(messy.stat().st_mode) == 0o754
    assert list(messy.parent.iterdir()) == [messy]


def test_a_file_that_is_laid_out_well_is_not_touched(fmt: Fmt, messy: Path) -> None:
    messy.write_bytes(NEAT)
    before = untouched(messy)
    assert fmt("messy.spnl") == (b"", "", 0)
    assert untouched(messy) == before


def test_quiet(fmt: Fmt, messy: Path) -> None:
    assert fmt("-q", "messy.spnl") == (b"", "", 0)
    assert messy.read_bytes() == NEAT


def test_check_names_files_and_writes_nothing(fmt: Fmt, messy: Path) -> None:
    (messy.parent / "neat.spnl").write_bytes(NEAT)
    before = untouched(messy)
    assert fmt("--check", "messy.spnl", "neat.spnl") == (b"messy.spnl\n", "spnl: 1 file would change\n", 1)
    assert fmt("--check", "neat.spnl") == (b"", "", 0)
    assert untouched(messy) == before


DIFF = """\
--- messy.spnl
+++ messy.spnl
@@ -1,2 +1 @@
-(seq
-  (user   "x"))
+(seq (user "x"))
"""


def test_diff(fmt: Fmt, messy: Path) -> None:
    before = untouched(messy)
    assert fmt("--diff", "messy.spnl") == (DIFF.encode(), "", 0)
    assert fmt("--diff", "--check", "messy.spnl") == (DIFF.encode(), "spnl: 1 file would change\n", 1)
    assert untouched(messy) == before


def test_diff_marks_a_missing_line_end(fmt: Fmt, messy: Path) -> None:
    messy.write_bytes(b"(a)\n(b)")
    assert fmt("--diff", "messy.spnl").out.decode().splitlines()[3:] == [
        " (a)",
        "-(b)",
        "\\ No newline at end of file",
        "+(b)",
    ]


def test_diff_on_a_terminal_is_coloured_and_obeys_nothing(fmt: Fmt, messy: Path) -> None:
    messy.write_bytes(b'(user  "\x1b[2J")\n')
    shown = fmt("--diff", "messy.spnl", terminal=True).out.decode()
    assert "\x1b[2J" not in shown and "^[[2J" in shown
    assert '\x1b[31m-(user  "^[[2J")\x1b[0m\n\x1b[32m+(user "^[[2J")\x1b[0m\n' in shown
    assert "\x1b[31m" not in fmt("--diff", "--color=never", "messy.spnl", terminal=True).out.decode()
    assert "\x1b[31m" in fmt("--diff", "--color=always", "messy.spnl").out.decode()


def test_stdin_goes_to_stdout(fmt: Fmt) -> None:
    assert fmt("-", stdin=MESSY) == (NEAT, "", 0)
    assert fmt("-", stdin=NEAT) == (NEAT, "", 0)
    assert fmt("-", "--check", stdin=MESSY) == (b"<stdin>\n", "spnl: 1 file would change\n", 1)


def test_stdin_that_cannot_be_read_leaves_stdout_empty(fmt: Fmt) -> None:
    out, err, code = fmt("-", stdin=BROKEN)
    assert (out, code) == (b"", 3)
    assert "error[unclosed]" in err and "<stdin>:1:1" in err


def test_folders(fmt: Fmt, tmp_path: Path) -> None:
    names = ["b.spnl", "c.spnl", "a/z.spnl", "a/b/c.spnl", ".hidden/x.spnl", "a/.x.spnl", "a/notes.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(MESSY)
    found = [
        os.path.join(*path)
        for path in ((".", "b.spnl"), (".", "c.spnl"), (".", "a", "z.spnl"), (".", "a", "b", "c.spnl"))
    ]
    assert fmt("--check", ".").out.decode().splitlines() == found
    assert fmt(".").code == 0
    assert [name for name in names if (tmp_path / name).read_bytes() == NEAT] == names[:4]


def test_a_folder_that_cannot_be_read(fmt: Fmt, messy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def walk(named: str, onerror: Callable[[OSError], None]) -> Iterator[tuple[str, list[str], list[str]]]:
        yield named, ["locked"], [messy.name]
        onerror(PermissionError(13, "Permission denied", os.path.join(named, "locked")))

    monkeypatch.setattr(os, "walk", walk)
    out, err, code = fmt(".")
    assert (out, code) == (b"", 3)
    assert "error[unreadable-file]" in err and os.path.join(".", "locked") in err
    assert messy.read_bytes() == NEAT


def test_a_folder_without_programs(fmt: Fmt) -> None:
    assert fmt(".") == (b"", "spnl: there is no .spnl file in .\n", 0)


def test_others_are_done_after_an_error(fmt: Fmt, messy: Path) -> None:
    broken = messy.parent / "broken.spnl"
    broken.write_bytes(BROKEN)
    out, err, code = fmt("broken.spnl", "none.spnl", "messy.spnl")
    assert (out, code) == (b"", 3)
    assert err.index("error[unclosed]") < err.index("error[no-such-file]") < err.index("formatted messy.spnl")
    assert messy.read_bytes() == NEAT
    assert broken.read_bytes() == BROKEN


def test_the_worst_exit_code_wins(fmt: Fmt, messy: Path) -> None:
    (messy.parent / "broken.spnl").write_bytes(BROKEN)
    assert fmt("--check", "broken.spnl", "messy.spnl").code == 3
    assert fmt("--check", "messy.spnl", "broken.spnl").code == 3


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"(a\r\n b)\r\n", b"(a b)\r\n"),
        (b"(a)\r\n\r\n(b)", b"(a)\r\n\r\n(b)\r\n"),
        (b'"""\r\n a\r\n"""\r\n(b\n)\n', b'"""\r\na\r\n"""\r\n(b)\r\n'),
        (b"(a\n b)\r\n", b"(a b)\n"),
        (b'(a "\r\r\n")\n', b'(a "\\r\r\n")\r\n'),
        (b"\xef\xbb\xbf(a)\n", b"(a)\n"),
        (b"", b""),
    ],
)
def test_line_ends(fmt: Fmt, messy: Path, before: bytes, after: bytes) -> None:
    """The first line end is that of all; a byte-order mark goes."""
    messy.write_bytes(before)
    assert fmt("-q", "messy.spnl") == (b"", "", 0)
    assert messy.read_bytes() == after
    assert fmt("--check", "messy.spnl").code == 0


def test_a_link_stays_and_its_file_is_rewritten(fmt: Fmt, messy: Path) -> None:
    link = messy.parent / "link.spnl"
    link.symlink_to(messy.name)
    assert fmt("link.spnl").code == 0
    assert link.is_symlink()
    assert messy.read_bytes() == NEAT


def test_what_is_no_regular_file(fmt: Fmt, tmp_path: Path) -> None:
    """It would never end, or never begin."""
    os.mkfifo(tmp_path / "pipe.spnl")
    out, err, code = fmt("pipe.spnl", os.devnull)
    assert (out, code) == (b"", 3)
    assert err.count("error[not-a-file]") == 2


def test_not_utf_8(fmt: Fmt, messy: Path) -> None:
    messy.write_bytes(b"(a\n\xff)")
    assert "error[not-utf-8]" in fmt("messy.spnl").err
    assert messy.read_bytes() == b"(a\n\xff)"


@unprivileged
def test_a_file_that_cannot_be_read(fmt: Fmt, messy: Path) -> None:
    messy.chmod(0)
    out, err, code = fmt("messy.spnl")
    assert (out, code) == (b"", 3)
    assert "error[unreadable-file]" in err


def test_a_file_that_may_not_be_written(fmt: Fmt, messy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left alone, though its folder would let it be replaced; to look at it is allowed."""
    messy.chmod(0o444)
    if os.access(messy, os.W_OK):  # this user may write anything
        monkeypatch.setattr(os, "access", lambda path, mode: path != "messy.spnl")
    out, err, code = fmt("messy.spnl")
    assert (out, code) == (b"", 2)
    assert fmt("none.spnl", "messy.spnl").code == 3
    assert "error[bad-output]: messy.spnl cannot be written" in err
    assert messy.read_bytes() == MESSY
    assert fmt("--check", "messy.spnl").code == 1


def test_a_write_that_fails_leaves_the_file(fmt: Fmt, messy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    out, err, code = fmt("messy.spnl")
    assert (out, code) == (b"", 2)
    assert "no space left on device" in err
    assert messy.read_bytes() == MESSY
    assert list(messy.parent.iterdir()) == [messy]


def test_nothing_to_format(fmt: Fmt) -> None:
    out, err, code = fmt()
    assert (out, code) == (b"", 2)
    assert "error[bad-option]" in err


def test_only_what_is_used_is_loaded(messy: Path) -> None:
    """A file in order needs no difflib, no pygments and no engine."""
    messy.write_bytes(NEAT)
    script = (
        "import sys; from spnl import cli; assert cli.run(['fmt', sys.argv[1]]) == 0; "
        "print([name for name in ('difflib', 'pygments', 'mistralrs') if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, str(messy)],
        capture_output=True,
        text=True,
        check=True,
        env=process_environment(),
    )
    assert ran.stdout == "[]\n"
