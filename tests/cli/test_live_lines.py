"""Lines that are drawn again in place, as a terminal shows them."""

from __future__ import annotations

import pytest
from monitors import Monitor

from spnl.live import REDRAW_SECONDS


def test_lines_are_drawn_again_in_place() -> None:
    monitor = Monitor(20, 6)
    lines = monitor.lines()
    monitor.write("before\n")
    lines.draw(["one 1", "two 1"])
    assert monitor.shown == ["before", "one 1", "two 1"]
    lines.draw(["one 2", "two", "three"])
    assert monitor.shown == ["before", "one 2", "two", "three"]
    lines.draw(["last"])
    assert monitor.shown == ["before", "last"]


def test_what_is_erased_leaves_no_trace() -> None:
    monitor = Monitor(20, 6)
    lines = monitor.lines()
    monitor.write("before\n")
    lines.draw(["one", "two"])
    lines.erase()
    lines.erase()
    monitor.write("after\n")
    assert monitor.shown == ["before", "after"]


def test_lines_at_the_bottom_scroll_once_and_stay() -> None:
    monitor = Monitor(20, 4)
    lines = monitor.lines()
    monitor.write("a\nb\nc\n")
    for count in range(5):
        lines.draw([f"one {count}", f"two {count}"])
    assert monitor.shown == ["b", "c", "one 4", "two 4"]
    lines.erase()
    assert monitor.shown == ["b", "c"]


def test_lines_that_are_too_many_or_too_long_are_cut() -> None:
    monitor = Monitor(10, 4)
    lines = monitor.lines()
    for _ in range(3):
        lines.draw(["0123456789abcdef", "日本語日本語日本語", "x", "y", "z"])
    assert monitor.shown == ["01234567…", "日本語日…", "x"]


@pytest.mark.parametrize("columns", [4, 15, 30])
def test_a_terminal_that_changed_its_width_gets_lines_that_fit(columns: int) -> None:
    monitor = Monitor(20, 6)
    lines = monitor.lines()
    lines.draw(["0123456789abcdef"])
    lines.erase()
    monitor.screen.resize(6, columns)
    lines.draw(["0123456789abcdefghijklmnop"])
    assert len(monitor.shown) == 1


def test_drawing_is_due_ten_times_a_second() -> None:
    monitor = Monitor(20, 6)
    lines = monitor.lines()
    assert lines.is_due
    lines.draw(["x"])
    assert not lines.is_due
    monitor.now += REDRAW_SECONDS
    assert lines.is_due
