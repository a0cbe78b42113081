"""On a real terminal: the model's words green and live, shown once, and nothing in them obeyed."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from invoking import command, gated_command, process_environment

from spnl.console import TextAnswer

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals here", allow_module_level=True)

from terminals import Terminal

PARIS = '(generate (input "What is the capital of France?") (temperature 0))'
GREEN, RESET = b"\x1b[32m", b"\x1b[0m"


@contextmanager
def gated_terminal(*args: str) -> Iterator[tuple[Terminal, int]]:
    """A command on a terminal, whose model waits for a byte on the pipe that is given with it."""
    read, write = os.pipe()
    try:
        with Terminal(
            gated_command(*args), env=process_environment(GATE=str(read)), pass_fds=[read]
        ) as terminal:
            yield terminal, write
    finally:
        os.close(read)
        os.close(write)


def test_the_first_command_says_paris_in_green_once() -> None:
    """On the real engine. The reply's words are within the colour, and the colour ends."""
    with Terminal(command("-q", "-c", PARIS), env=process_environment()) as terminal:
        assert terminal.wait() == 0
    found = re.fullmatch(rb"\x1b\[32m([^\x1b]*Paris[^\x1b]*)\x1b\[0m\r\n", terminal.shown)
    assert found, terminal.shown
    assert terminal.shown.count(b"Paris") == found[1].count(b"Paris") == 1


def test_a_notice_in_the_midst_of_an_answer_has_a_line_of_its_own() -> None:
    with Terminal(command("-c", f'(seq "Again:" {PARIS} "end")'), env=process_environment()) as terminal:
        assert terminal.wait() == 0
    lines = re.sub(rb"\x1b\[\d+m", b"", terminal.shown).split(b"\r\n")
    assert lines[0] == b"Again:" and lines[1].startswith(b"spnl: no model is named"), lines
    assert lines[2:] == [b"The capital of France is Paris.", b"end", b""]
    found = re.search(rb"\x1b\[32m([^\x1b]*)\x1b\[0m", terminal.shown)
    assert found and found[1] == b"The capital of France is Paris."


def test_a_line_that_is_broken_goes_on_in_its_colour() -> None:
    stream = io.BytesIO()
    answer = TextAnswer(stream, color=True, terminal=True)
    answer.begin("model")
    answer.write("one")
    answer.break_line()
    answer.break_line()
    answer.write(" two")
    answer.break_line()
    answer.begin("plain")
    answer.write("three")
    answer.finish()
    one, two = (GREEN + words + RESET + b"\n" for words in (b"one", b" two"))
    assert stream.getvalue() == one + two + b"three\n"


def test_a_reply_appears_while_it_is_made() -> None:
    """Each piece is on the screen before the model says the next."""
    with gated_terminal("-m", "m", "-c", '(seq (user "plain") (g "one|two|three"))') as (terminal, gate):
        terminal.read_until(b"plain\r\n" + GREEN + b"one")
        assert b"two" not in terminal.shown
        os.write(gate, b".")
        terminal.read_until(b"two")
        assert b"three" not in terminal.shown
        os.write(gate, b".")
        assert terminal.wait() == 0
        assert terminal.shown == b"plain\r\n" + GREEN + b"onetwothree" + RESET + b"\r\n"
        assert terminal.attributes() == terminal.before


def test_without_streaming_the_reply_appears_at_the_end_and_uncoloured() -> None:
    args = ("--no-stream", "-q", "-c", PARIS)
    with Terminal(command(*args), env=process_environment()) as terminal:
        assert terminal.wait() == 0
    assert b"Paris" in terminal.shown
    assert b"\x1b" not in terminal.shown


def test_control_characters_are_shown_and_not_obeyed() -> None:
    """In a program's own text, in what a model says, and in an error's source line."""
    program = '(seq (user "\\u{1b}[2Jclear\\u{7}") (g "\\u{1b}]0;title\\u{7}\\r|x"))'
    with gated_terminal("-m", "m", "-c", program) as (terminal, gate):
        os.write(gate, b".")
        assert terminal.wait() == 0
    assert terminal.shown == b"^[[2Jclear^G\r\n" + GREEN + b"^[]0;title^G^Mx" + RESET + b"\r\n"
    with Terminal(command("--color=never", "-c", "(user \x1b[2J)"), env=process_environment()) as terminal:
        assert terminal.wait() == 3
    assert b"\x1b" not in terminal.shown
    assert b"^[[2J" in terminal.shown


def test_errors_are_coloured_on_a_terminal() -> None:
    with Terminal(command("-c", "(sqe)"), env=process_environment()) as terminal:
        assert terminal.wait() == 3
    assert terminal.shown.startswith(b"\x1b[1;31merror[unknown-form]")
    assert terminal.shown.count(b"\x1b[") % 2 == 0


def test_a_failure_in_the_midst_of_a_reply_resets_the_colour_and_begins_a_line() -> None:
    with (
        open(os.devnull) as closed_gate,
        Terminal(
            gated_command("-m", "m", "--color=always", "-c", '(g "one|two")'),
            env=process_environment(GATE=str(closed_gate.fileno())),
            pass_fds=[closed_gate.fileno()],
        ) as terminal,
    ):
        assert terminal.wait() == 1
    assert terminal.shown.startswith(GREEN + b"one" + RESET + b"\r\n\x1b[1;31merror[engine-failed]")


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not here")
def test_tmux_shows_it_too(tmp_path: Path) -> None:
    """The screen of a terminal emulator, as a person sees it."""
    socket = f"spnl-{uuid4().hex[:8]}"
    line = f"{' '.join(command())} -q -c '{PARIS}'; tmux -L {socket} wait-for -S done; cat"
    tmux = ["tmux", "-L", socket, "-f", "/dev/null"]
    try:
        start = [*tmux, "new-session", "-d", "-x", "100", "-y", "10", "bash", "-c", line]
        subprocess.run(start, check=True, env=process_environment(TERM="xterm-256color"), timeout=60)
        subprocess.run([*tmux, "wait-for", "done"], check=True, timeout=60)
        seen = subprocess.run(
            [*tmux, "capture-pane", "-p", "-e"], check=True, capture_output=True, timeout=60
        )
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, capture_output=True, timeout=60)
    first, *others = seen.stdout.decode().splitlines()
    assert re.match(r"\x1b\[32m.*Paris", first), seen.stdout
    assert not any("Paris" in other for other in others)
