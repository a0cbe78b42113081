"""`--plain`: nothing but words, on a terminal too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from invoking import process_environment

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals here", allow_module_level=True)

from hostile_command import COMMAND
from terminals import Terminal

WAYS = [(["--plain"], {}), (["--plain", "--color=always"], {}), ([], {"SPNL_PLAIN": "1"})]
RUNS = [
    ["run", "-v", "-c", '(list (g "think") (g "think"))'],
    ["run", "-c", "(sqe)"],
    ["generate", "think"],
    ["chat"],
    ["repl"],
]


@pytest.mark.parametrize("run", RUNS, ids=" ".join)
@pytest.mark.parametrize(("flags", "variables"), WAYS)
def test_plain_writes_no_escape_sequence(
    tmp_path: Path, run: list[str], flags: list[str], variables: dict[str, str]
) -> None:
    env = process_environment(XDG_STATE_HOME=str(tmp_path), **variables)
    with Terminal([*COMMAND, *run, *flags], env=env) as terminal:
        if run[0] in ("chat", "repl"):
            terminal.read_until(b"spnl> ")
            terminal.press(b"think\n")
            terminal.read_until(b"end")
            terminal.press(b":quit\n")
        terminal.wait()
        assert b"end" in terminal.shown or b"error" in terminal.shown
        assert b"\x1b" not in terminal.shown


def test_nothing_is_drawn_on_a_terminal_that_could(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the lines of what runs together, nor the bar of a fetch."""
    from spnl.console import Console

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert Console().can_draw
    assert not Console(plain=True).can_draw
