"""Generations that run together, shown while they run: what the screen has, and that nothing of it stays."""

from __future__ import annotations

import os
import sys
from typing import Any

import pyte
import pytest
from hostile_command import FLOOD, HOSTILE, SEQUENCES
from invoking import gated_command, process_environment
from monitors import Monitor, terminal_state

from spnl.backends.base import Request
from spnl.console import Console
from spnl.progress import PATIENCE_SECONDS, Progress
from spnl.query import Sampling

WIDE, HIGH = 60, 8


class Drawn:
    """A console on a monitor."""

    can_draw = True

    def __init__(self, monitor: Monitor) -> None:
        self._lines = monitor.lines()

    def live_lines(self) -> Any:
        return self._lines


def asking(text: str) -> Request:
    return Request((("system", "s"), ("user", text)), Sampling())


@pytest.fixture
def monitor() -> Monitor:
    return Monitor(WIDE, HIGH)


@pytest.fixture
def progress(monitor: Monitor) -> Progress:
    """Progress of three generations, the first two of which have begun and been waited for."""
    console: Any = Drawn(monitor)
    progress = Progress(console, lambda: monitor.now)
    for which in "abc":
        progress.due(which)
    progress.began("a", asking("What is\nthe   capital?"))
    progress.began("b", asking("\x1b[31m日本語 " * 20))
    monitor.now += 2.0
    return progress


def test_each_generation_has_a_line(monitor: Monitor, progress: Progress) -> None:
    for _ in range(40):
        progress.said("a")
    monitor.now += 1.0
    progress.said("a")
    first, capital, wide, *rest = monitor.shown
    assert first == "0 of 3 generations done"
    assert capital == "  What is the capital?                    41 tokens    14/s"
    assert wide.startswith("  ^[[31m日本語 ^[[31m日")
    assert wide.endswith("… reading the prompt")
    assert rest == []


def test_lines_go_and_come(monitor: Monitor, progress: Progress) -> None:
    progress.said("a")
    progress.ended("b")
    progress.began("c", asking("third"))
    monitor.now += 1.0
    progress.ended("a")
    assert [line.split("  ")[0] or line.split("  ")[1] for line in monitor.shown] == [
        "2 of 3 generations done",
        "third",
    ]
    assert progress.summary() == "2 generations in 3.0 s"


def test_what_is_over_soon_is_not_shown(monitor: Monitor) -> None:
    console: Any = Drawn(monitor)
    progress = Progress(console, lambda: monitor.now)
    for which in "ab":
        progress.due(which)
        progress.began(which, asking("x"))
        monitor.now += PATIENCE_SECONDS / 3
        progress.ended(which)
    assert monitor.shown == [""]
    assert progress.summary() is None


def test_one_generation_alone_is_not_shown(monitor: Monitor) -> None:
    console: Any = Drawn(monitor)
    progress = Progress(console, lambda: monitor.now)
    progress.due("a")
    progress.began("a", asking("x"))
    monitor.now += 9.0
    progress.said("a")
    assert monitor.shown == [""]


def test_it_is_drawn_ten_times_a_second_at_most(monitor: Monitor, progress: Progress) -> None:
    progress.said("a")
    before = monitor.shown
    for _ in range(1000):
        progress.said("a")
    assert monitor.shown == before


def test_prompts_that_a_terminal_would_obey_are_spelt_out(monitor: Monitor) -> None:
    before = terminal_state(monitor.screen)
    console: Any = Drawn(monitor)
    progress = Progress(console, lambda: monitor.now)
    texts = [HOSTILE, FLOOD, SEQUENCES[0], SEQUENCES[-1]]
    for text in texts:
        progress.due(text)
    for text in texts:
        progress.began(text, asking(text))
        monitor.now += 1.0
        progress.said(text)
    assert [line[:9] for line in monitor.shown] == [
        "0 of 4 ge",
        "  ^@^A^B^",
        "  x日x日x日x",
        "  ^[]52;c",
        "  <U+D800",
    ]
    assert terminal_state(monitor.screen) == before


@pytest.mark.parametrize(
    ("quiet", "variables", "drawn"),
    [
        (False, {}, True),
        (True, {}, False),
        (False, {"CI": "true"}, False),
        (False, {"TERM": "dumb"}, False),
    ],
)
def test_lines_are_drawn_for_a_person_on_a_terminal_that_can(
    monkeypatch: pytest.MonkeyPatch, quiet: bool, variables: dict[str, str], drawn: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert Console(quiet=quiet).can_draw is drawn
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    assert not Console(quiet=quiet).can_draw


PIECES = 5000
PROGRAM = '(g (join (list (g "first' + "|a" * PIECES + '") (g "second|b")) ""))'


def on_screen(shown: bytes) -> list[str]:
    """What a terminal shows after all that was written."""
    screen = pyte.Screen(80, 24)
    pyte.ByteStream(screen).feed(shown)
    return "\n".join(line.rstrip() for line in screen.display).rstrip("\n").split("\n")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals here")
def test_on_a_terminal_the_lines_give_way_to_the_answer() -> None:
    """The model says a piece now and then until the lines show, and then all that is left."""
    from terminals import Terminal

    read, write = os.pipe()
    command = gated_command("-m", "m", "--color=never", "--max-tokens", "9", "-c", PROGRAM)
    environment = process_environment(GATE=str(read))
    with Terminal(command, env=environment, pass_fds=[read]) as terminal:
        pieces = PIECES
        while pieces and b"generations done" not in terminal.shown:
            os.write(write, b".")
            pieces -= 1
            terminal.read_for(0.01)
        head, *lines = on_screen(terminal.shown)
        assert head == "0 of 2 generations done"
        assert lines[0].startswith("  first|a|a")
        assert lines[0].endswith("/s")
        os.write(write, b"." * (2 * PIECES))
        assert terminal.wait() == 0
    os.close(read)
    os.close(write)
    final = on_screen(terminal.shown)
    assert final[-1].startswith("spnl: 3 generations in ")
    assert "done" not in "".join(final)
