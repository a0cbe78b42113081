"""How a fetch shows: how often, how wide, and to whom."""

from __future__ import annotations

import io
import os
import re

import pytest

from spnl import fetch_display
from spnl.console import Console
from spnl.fetch_display import FetchDisplay, Speed
from spnl.live import LiveLines

GIGA = 1000**3


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(fetch_display, "monotonic", clock)
    return clock


def shown(
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    seconds: float,
    terminal: bool = True,
    quiet: bool = False,
    columns: int = 80,
    completed: bool = True,
) -> str:
    """What is written while a gigabyte comes in steady small pieces for so long."""
    console = Console(quiet=quiet)
    stream = io.StringIO()
    console._stderr = stream
    console.stderr_is_terminal = terminal
    monkeypatch.setenv("TERM", "xterm")
    console._lines = LiveLines(stream.write, lambda: os.terminal_size((columns, 24)), clock)
    display = FetchDisplay(console)
    display.begin("org/m: m.gguf", GIGA, 0)
    for step in range(1, 1001):
        clock.now += seconds / 1000
        display.at(step * GIGA // 1000 if completed else step * GIGA // 4000)
    display.end(completed)
    return stream.getvalue()


def test_a_bar_is_drawn_ten_times_a_second_at_most(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    for seconds in (2, 20):
        drawn = shown(clock, monkeypatch, seconds=seconds).count("% of")
        assert seconds * 5 < drawn <= seconds * 10


@pytest.mark.parametrize("columns", [10, 20, 40, 60, 80, 200])
def test_a_bar_never_fills_a_line(columns: int, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(clock, monkeypatch, seconds=10, columns=columns)
    drawn = re.findall(r"\r\x1b\[J([^\r\n]+)", text.rpartition("\r")[0])
    assert drawn and max(map(len, drawn)) < columns
    if columns >= 60:
        assert re.fullmatch(r"\[#+\.+\] \d\d % of 1\.0 GB, 100\.0 MB/s, 0:0\d left", drawn[len(drawn) // 2])


def test_elsewhere_lines_are_sparse(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(clock, monkeypatch, seconds=100, terminal=False)
    lines = text.splitlines()
    assert lines[0] == "spnl: fetching org/m: m.gguf, 1.0 GB"
    assert len(lines) == 2 + 100 // int(fetch_display.LINE_SECONDS)
    assert lines[1] == "spnl: fetched 15 % of 1.0 GB, 10.0 MB/s"
    assert lines[-1] == "spnl: fetched 1.0 GB"
    assert "\r" not in text and "\x1b" not in text


def test_quiet_is_silent(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(clock, monkeypatch, seconds=100, quiet=True) == ""
    assert shown(clock, monkeypatch, seconds=100, quiet=True, terminal=False) == ""


def test_the_end_says_how_to_go_on(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(clock, monkeypatch, seconds=1, completed=False, terminal=False)
    assert text.endswith("spnl: fetched 25 % of 1.0 GB; the same command continues from there\n")


def test_speed_is_that_of_the_last_seconds() -> None:
    speed = Speed()
    assert str(speed) == "" and speed.left(100) == ""
    for second in range(20):
        speed.at(second * 1000, second)
    for second in range(20, 40):
        speed.at(20_000 + (second - 20) * 5000, second)
    assert speed.per_second == pytest.approx(5000)
    assert speed.left(115_000 + 5000 * 3700) == ", 1:01:40 left"
    speed.at(0, 41)
    assert speed.per_second == 0, "what is here can become less"
