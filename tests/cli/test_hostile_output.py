"""What models, programs and files hold does nothing to a terminal: its state after is its state before.

Each case writes everything that a terminal would obey, by another way, to a real pseudo-terminal. What comes
out is read twice: as bytes, in which only the colours of spnl itself may be, and by a terminal emulator.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pyte
import pytest
from hostile_command import COMMAND, FLOOD, HOSTILE, SEQUENCES, script
from invoking import invoke, process_environment
from monitors import terminal_state

from spnl.syntax import quote

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals here", allow_module_level=True)

from terminals import Terminal

WRITABLE = HOSTILE.encode("utf-8", "ignore").decode("utf-8")
"""What can stand in a file."""
NAME = "a\x1b]52;c;aGFja2Vk\x07\x1b[?25l\x9b31m\u202e\r\nb"
"""What can be a file's name."""

FORM = '(list\n  (user "\u202e\x9b31m")   )'

OURS = re.compile(r"\x1b\[[0-9;]*m")
OBEYED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def is_unharmed(shown: bytes) -> None:
    """Check what was written to a terminal."""
    left = OURS.sub("", shown.decode("utf-8"))
    assert (found := OBEYED.search(left)) is None, left[max(found.start() - 80, 0) : found.end() + 20]
    assert left.count("\r") == left.count("\r\n")
    screen = pyte.Screen(80, 24)
    before = terminal_state(screen)
    pyte.ByteStream(screen).feed(shown)
    assert terminal_state(screen) == before


def shown_by(folder: Path, *arguments: str, typed: bytes = b"") -> bytes:
    """What the command shows on a terminal."""
    env = process_environment(XDG_STATE_HOME=str(folder))
    with Terminal([*COMMAND, *arguments], env=env, cwd=folder) as terminal:
        if typed:
            terminal.read_until(b"end")
            terminal.press(typed)
        terminal.wait()
        assert terminal.attributes() == terminal.before
        return terminal.shown


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Programs that hold it, and files that are named by it."""
    text = quote(WRITABLE)
    (tmp_path / "say.spnl").write_text(f"(seq (user {text}) (print {text}) (g {text}))", encoding="utf-8")
    (tmp_path / "raw.spnl").write_text(f"(user 1 {WRITABLE}", encoding="utf-8", newline="")
    (tmp_path / "unsaid.spnl").write_text(f"; {NAME}\n(user \u202e", encoding="utf-8", newline="")
    (tmp_path / "form.spnl").write_text(FORM, encoding="utf-8")
    (tmp_path / f"form{NAME[1:]}.spnl").write_text(FORM, encoding="utf-8")
    (tmp_path / "ask.spnl").write_text(f"(ask {text})", encoding="utf-8")
    (tmp_path / "query.json").write_text(json.dumps({"user": WRITABLE}), encoding="utf-8")
    for ending in (".spnl", ".gguf"):
        (tmp_path / (NAME + ending)).write_text("(user   1", encoding="utf-8")
    return tmp_path


RUNS = [
    ["-c", '(g "say")'],
    ["-v", "-c", '(g "think")'],
    ["--time", "-vv", "say.spnl"],
    ["--output", "nul", "say.spnl"],
    ["--keep-going", "-c", '(list (g "fail") (g "say"))'],
    ["--debug", "-c", '(g "fail")'],
    ["-c", '(g "break")'],
    ["raw.spnl"],
]


@pytest.mark.parametrize("run", RUNS, ids=" ".join)
def test_nothing_that_is_said_changes_the_terminal(folder: Path, run: list[str]) -> None:
    shown = shown_by(folder, "run", "-m", f"./{NAME}.gguf", *run)
    assert shown
    is_unharmed(shown)


FILE, MODEL = f"./{NAME}.spnl", f"./{NAME}.gguf"

COMMANDS = [
    *(["run", "-m", "m", "--output", form, "say.spnl"] for form in ("json", "jsonl")),
    ["run", "-m", "m", "--no-stream", "say.spnl"],
    ["generate", "-m", "m", "-n", "3", "think"],
    [FILE],
    [f"{MODEL}x"],
    ["run", f"--x{NAME}"],
    [f"x{NAME}"],
    ["unsaid.spnl"],
    *(["plan", "--format", form, "say.spnl"] for form in ("text", "json", "mermaid")),
    ["plan", "--stage", "syntax", "say.spnl"],
    *(["convert", "say.spnl", "--to", form] for form in ("json", "yaml")),
    ["convert", "query.json", "--to", "spnl"],
    *(["check", "--format", form, FILE, "raw.spnl", "unsaid.spnl"] for form in ("text", "json", "sarif")),
    ["fmt", "--diff", "form.spnl"],
    ["fmt", "-"],
    ["fmt", "--check", FILE.replace("a", "form", 1)],
    ["fmt", FILE.replace("a", "form", 1)],
    ["show", MODEL],
    ["show", MODEL, "--json"],
    ["rm", MODEL, "--yes"],
    ["lock", FILE],
    ["pull", MODEL],
    ["config"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: " ".join(map(ascii, arguments)))
def test_no_command_writes_what_a_terminal_obeys(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """In this process, with streams that say that they are terminals."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SPNL_MODEL", MODEL)
    monkeypatch.setenv("TERM", "xterm")
    ran = invoke(monkeypatch, arguments, stdin=FORM.encode(), terminal=True, script=script)
    assert ran.out or ran.err
    for written in (ran.out, ran.err.encode()):
        is_unharmed(written.replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("run", [["-v", "-c", '(g "think")'], ["say.spnl"]])
def test_what_is_said_is_shown(folder: Path, run: list[str]) -> None:
    """Nothing is left out, either: each sequence is there, spelt out."""
    shown = shown_by(folder, "run", "-m", "m", *run).decode()
    for part in ("^[]52;c;aGFja2Vk^G", "^[[?25l", "<U+009B>31m", "left<U+202E>right"):
        assert part in shown


def test_a_question_of_a_program_changes_nothing(folder: Path) -> None:
    is_unharmed(shown_by(folder, "ask.spnl", typed=b"yes\n"))


def test_a_megabyte_without_a_newline_is_shown_whole(folder: Path) -> None:
    shown = shown_by(folder, "run", "-q", "-m", "m", "-c", '(g "flood")')
    assert OURS.sub("", shown.decode("utf-8")) == FLOOD + "\r\n"
    is_unharmed(shown.decode("utf-8")[-20_000:].encode("utf-8"))


def session(folder: Path, entries: list[str], **env: str) -> bytes:
    """What a session shows that takes some entries."""
    env = process_environment(XDG_STATE_HOME=str(folder), **env)
    with Terminal([*COMMAND, "chat", "m"], env=env) as terminal:
        for entry in entries:
            terminal.read_until(b"spnl> ")
            terminal.press(entry.encode() + b"\r")
            if entry != ":quit":
                terminal.read_until(b"end")
        assert terminal.wait() == 0
        assert terminal.attributes() == terminal.before
        return terminal.shown


ENTRIES = ["say", "think", '(g "say")', '(g "fail")', "break", "_", ":show", ":quit"]


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
def test_a_session_leaves_the_terminal_as_it_was(folder: Path, term: str) -> None:
    shown = session(folder, ENTRIES, TERM=term)
    for sequence in SEQUENCES:
        first = sequence.encode("utf-8", "replace").split(b" ")[0]
        if first not in (b"\x1b[?25l", b"?"):  # the line editor hides the cursor itself while it draws
            assert first not in shown, first
    assert b"\x1b]" not in shown and b"\x07" not in shown and b"\x0e" not in shown
    assert OBEYED.search(re.sub(r"\x1b", "", shown.decode("utf-8"))) is None
    screen = pyte.Screen(80, 24)
    before = terminal_state(screen)
    pyte.ByteStream(screen).feed(shown)
    assert terminal_state(screen) == before
    if term == "dumb":
        is_unharmed(shown)
