"""A session as a person sees it: keys go into a terminal, and its screen is looked at.

Nothing sleeps: each step waits for what the screen has to show before the next key is typed. The model is
scripted, and waits at a gate where what shows while it speaks is looked at; a few are on the real engine.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from invoking import command, gated_command, process_environment

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals here", allow_module_level=True)

from screens import (
    CTRL_D,
    CTRL_R,
    CTRL_U,
    ENTER,
    ESCAPE,
    PASTE_BEGIN,
    PASTE_END,
    TAB,
    UP,
    ScreenTerminal,
)
from terminals import CTRL_C

from spnl.progress import PATIENCE_SECONDS

SIZES = [(80, 24), (200, 50)]
EMPTY = "spnl>"
PROMPT = "spnl> "
READY = ":help   Tab completes"
"""What the line at the bottom says where nothing is typed."""


class Gate:
    """The gate of a scripted model, which says a piece more for each opening."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def open(self) -> None:
        os.write(self._descriptor, b".")


@contextmanager
def session(
    *args: str, columns: int = 80, rows: int = 24, **env: str
) -> Iterator[tuple[ScreenTerminal, Gate]]:
    """A session with a scripted model, ready to be typed into."""
    read, write = os.pipe()
    try:
        with ScreenTerminal(
            gated_command(*(args or ("repl",))),
            columns,
            rows,
            env=process_environment(GATE=str(read), **env),
            pass_fds=[read],
        ) as terminal:
            terminal.wait_for(EMPTY)
            yield terminal, Gate(write)
    finally:
        os.close(read)
        os.close(write)


@pytest.fixture(params=SIZES, ids=[f"{columns}x{rows}" for columns, rows in SIZES])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    found: tuple[int, int] = request.param
    return found


def leave(terminal: ScreenTerminal) -> None:
    """Ctrl-D at an empty prompt ends the session, and the terminal is as it was."""
    terminal.wait_for(READY)
    terminal.type(CTRL_D)
    assert terminal.wait() == 0
    assert terminal.attributes() == terminal.before
    assert b"Traceback" not in terminal.shown
    assert b"CPR" not in terminal.shown


def test_spnl_alone_is_a_session_and_ctrl_d_ends_it(size: tuple[int, int]) -> None:
    with ScreenTerminal(command(), *size, env=process_environment()) as terminal:
        shown = terminal.wait_for(EMPTY, READY)
        assert "with the model mistralrs/tiny" in shown
        leave(terminal)


def test_lines_of_what_runs_together_never_stand_in_an_answer() -> None:
    """They are drawn, at every entry anew, until its answer begins."""
    with session() as (terminal, gate):

        def later(pieces: int) -> None:
            drawn_from = monotonic() + PATIENCE_SECONDS  # before that no lines are drawn
            while monotonic() < drawn_from:
                terminal.read_for(0.05)
            for _ in range(pieces):
                gate.open()

        for name in ("first", "second"):
            terminal.type(f'(map (inputs "{name}|1|1" "other|2|2"))', ENTER)
            terminal.wait_for(name)
            later(4)
            assert "generations" not in terminal.wait_for(f"{name}11", "other22")
            terminal.wait_for(READY)
        terminal.type('(g (user (par (g "a|b") (g "c|d"))))', ENTER)
        later(1)
        terminal.wait_for("of 2 generations done")
        gate.open()
        assert "generations done" not in terminal.wait_for("ab", "cd", READY)
        leave(terminal)


def test_lines_are_added_until_the_reader_has_a_whole_expression(size: tuple[int, int]) -> None:
    with session(columns=size[0], rows=size[1]) as (terminal, _):
        terminal.type("(let ((a 2)", ENTER)
        terminal.wait_for("  ...")
        terminal.type("(b 3))", ENTER, "(* a b))", ENTER)
        shown = terminal.wait_for("\n6\n")
        assert f"{PROMPT}(let ((a 2)\n  ...       (b 3))\n  ...   (* a b))\n6\n" in shown
        leave(terminal)


def test_a_reply_shows_in_green_while_it_is_made(size: tuple[int, int]) -> None:
    with session(columns=size[0], rows=size[1]) as (terminal, gate):
        terminal.type("one|two|three", ENTER)
        terminal.wait_for("\none")
        assert "\nonetwo" not in terminal.display
        gate.open()
        assert "onetwothree" not in terminal.wait_for("\nonetwo")
        assert terminal.style_of("onetwo\n".strip()).fg == "green"
        gate.open()
        terminal.wait_for("onetwothree\n", READY)
        leave(terminal)


def test_loading_is_one_line_with_the_time_it_took() -> None:
    with session() as (terminal, _):
        terminal.type("Hello", ENTER)
        shown = terminal.wait_for("\nHello")
        (line,) = [line for line in shown.splitlines() if "loading" in line]
        assert line.startswith("spnl: loading mistralrs/tiny … 0.") and line.endswith(" s")


def test_ctrl_c_stops_a_reply_and_keeps_what_was_said(size: tuple[int, int]) -> None:
    with session(columns=size[0], rows=size[1]) as (terminal, _):
        terminal.type('(g "one|two")', ENTER)
        terminal.wait_for("\none")
        terminal.type(CTRL_C)
        terminal.wait_for("interrupted; what was said is kept", READY)
        terminal.type("(user _ _)", ENTER)
        terminal.wait_for("\noneone")
        leave(terminal)


def test_ctrl_c_at_the_prompt_drops_what_was_typed() -> None:
    with session() as (terminal, _):
        terminal.type("(sqe", ENTER)
        terminal.wait_for("  ...")
        terminal.type(CTRL_C)
        terminal.wait_until(lambda: terminal.display.count(EMPTY) == 2)
        terminal.type("(+ 1 2)", ENTER)
        terminal.wait_for("\n3\n")
        leave(terminal)


def test_an_error_is_drawn_and_the_session_goes_on(size: tuple[int, int]) -> None:
    with session(columns=size[0], rows=size[1]) as (terminal, _):
        terminal.type("(sqe)", ENTER)
        terminal.wait_for("error[unknown-form]", "did you mean `seq`?", READY)
        assert terminal.style_of("error[unknown-form]").fg == "red"
        terminal.type(":nodels", ENTER)
        terminal.wait_for("did you mean `:models`?")
        terminal.type("(+ 1 2)", ENTER)
        terminal.wait_for("\n3\n")
        leave(terminal)


def test_signatures_and_help_show_as_a_form_is_typed(size: tuple[int, int]) -> None:
    with session(columns=size[0], rows=size[1]) as (terminal, _):
        terminal.type("(seq (trim ")
        terminal.wait_for("(trim TEXT)", "A text without the white space")
        terminal.type('"a") ')
        terminal.wait_for("(seq ")
        terminal.wait_until(lambda: "A text without" not in terminal.display)
        terminal.type(CTRL_U, "(define (double x) (* x 2))", ENTER, "(double ")
        terminal.wait_for("\n(double x)\nA function of this session.")
        terminal.type(CTRL_U, ":models")
        terminal.wait_for("List the models on this machine")


def test_code_is_coloured_and_parentheses_match() -> None:
    with session() as (terminal, _):
        terminal.type('(user "text" 12)')
        terminal.wait_for('(user "text" 12)')
        terminal.wait_until(lambda: terminal.style_of('"text"').fg == "green")
        assert terminal.style_of("user ").fg == "blue"
        terminal.wait_until(lambda: bool(terminal.style_of("(user").reverse))
        assert terminal.style_of(")").reverse


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("(tri", "(trim"),
        ("(g (temper", "(g (temperature"),
        (":unl", ":unload"),
        (":doc tri", ":doc trim"),
        (":set max", ":set max-tokens"),
        ('(g (model "ti', '(g (model "tiny'),
        (":model ti", ":model tiny"),
        ('(file "fac', '(file "facts.txt'),
        (":load capital.s", ":load capital.spnl"),
        ("(user my-n", "(user my-name"),
    ],
)
def test_tab_completes(typed: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2] / "examples")
    with session() as (terminal, _):
        terminal.type("(define my-name 1)", ENTER)
        terminal.wait_until(lambda: terminal.display.count(EMPTY) == 2)
        terminal.type(typed)
        terminal.wait_for(PROMPT + typed)
        terminal.type(TAB)
        terminal.wait_for(PROMPT + expected)


def test_tab_shows_what_there_is() -> None:
    with session() as (terminal, _):
        terminal.type("(repeat (n 2) (g (t", TAB)
        terminal.wait_for(" temperature ", " think ", " top-k ")


def test_history_goes_back_is_searched_and_outlives_a_kill(state_folder: Path) -> None:
    with session() as (terminal, _):
        terminal.type("(+ 1\n2)".replace("\n", "\r"), ENTER)
        terminal.wait_for("\n3\n")
        terminal.type('(user "needle")', ENTER)
        terminal.wait_for("\nneedle\n")
        terminal.kill()
    with session() as (terminal, _):
        terminal.wait_for(":restore brings it back", READY)
        terminal.type(UP)
        terminal.wait_for(f'{PROMPT}(user "needle")')
        terminal.type(UP)
        terminal.wait_for(f"{PROMPT}(+ 1\n")
        terminal.type(CTRL_C, CTRL_R, "need")
        terminal.wait_for('(user "needle")')
        terminal.type(ENTER, ENTER)
        terminal.wait_for("\nneedle\n")
        leave(terminal)


def test_state_outlives_a_kill() -> None:
    with session() as (terminal, gate):
        terminal.type("(define x 41)", ENTER, "one|two", ENTER)
        terminal.wait_for("\none")
        gate.open()
        terminal.wait_for("onetwo\n", READY)
        terminal.kill()
    with session() as (terminal, _):
        terminal.wait_for(":restore brings it back", READY)
        terminal.type(":restore", ENTER)
        terminal.wait_for("2 entries are back")
        terminal.type("(+ x 1)", ENTER, "(user _1 _1)", ENTER)
        terminal.wait_for("\n42\n", "\nonetwoonetwo\n")
        leave(terminal)


def test_two_sessions_at_once_lose_nothing_of_each_other() -> None:
    with session() as (one, _), session() as (other, _):
        for index in range(3):
            for name, terminal in (("one", one), ("other", other)):
                terminal.type(f'(user "{name} {index}")', ENTER)
                terminal.wait_for(f"\n{name} {index}\n")
        leave(one)
        leave(other)
    with session() as (terminal, _):
        for name, index in [(name, index) for index in (2, 1, 0) for name in ("other", "one")]:
            terminal.type(UP)
            terminal.wait_for(f'{PROMPT}(user "{name} {index}")')


def test_a_pasted_file_is_one_entry(size: tuple[int, int]) -> None:
    program = (
        '; a program\n(define a 2)\n\n(define (f x)\n  (* x a))\n(list (f 1)\n      (f 2))\n(user "end")'
    )
    with session(columns=size[0], rows=size[1]) as (terminal, _):
        terminal.type(PASTE_BEGIN, program.replace("\n", "\r"), PASTE_END)
        terminal.wait_for('(user "end")')
        assert "\n2\n4\nend" not in terminal.display
        terminal.type(ENTER)
        terminal.wait_for("\n2\n4\nend\n")
        leave(terminal)


def test_a_message_may_have_lines() -> None:
    with session() as (terminal, _):
        terminal.type("one", ESCAPE, ENTER, "two", ENTER)
        terminal.wait_for("\none\ntwo\n", READY)
        leave(terminal)


def test_the_terminal_may_change_its_size() -> None:
    with session() as (terminal, _):
        terminal.type('(user (concat "a" ')
        terminal.wait_for("(concat [TEXTS")
        terminal.resize(50, 12)
        terminal.type('"b"))')
        terminal.wait_for('"b"))')
        terminal.type(ENTER)
        terminal.wait_for("\nab\n", EMPTY)
        leave(terminal)


def test_hostile_replies_leave_the_terminal_as_it_was() -> None:
    program = '(g "\\u{1b}[2J\\u{1b}]52;c;aGk=\\u{7}\\u{9b}31m\\u{202e}\\u{1b}[?1049h\\u{e}wide 語 🙂")'
    with session() as (terminal, _):
        terminal.type(program, ENTER)
        shown = terminal.wait_for("\n^[[2J^[]52;c;aGk=^G<U+009B>31m<U+202E>^[[?1049h^Nwide", READY)
        assert shown.startswith("spnl ")
        terminal.type("(+ 1 2)", ENTER)
        terminal.wait_for("\n3\n")
        leave(terminal)


def test_ask_asks_at_the_prompt() -> None:
    with session() as (terminal, _):
        terminal.type('(user "You said " (ask "Which country?"))', ENTER)
        terminal.wait_for("\nWhich country?")
        terminal.type("Spain", ENTER)
        terminal.wait_for("\nYou said Spain\n")
        leave(terminal)


def test_chat_takes_its_model_and_what_to_tell_it() -> None:
    with session("chat", "m", "--system", "Be brief.") as (terminal, _):
        assert "with the model m" in terminal.display
        terminal.type(":system", ENTER)
        terminal.wait_for("\nBe brief.\n")
        leave(terminal)


def test_without_colours() -> None:
    with session(NO_COLOR="1") as (terminal, _):
        terminal.type('(user "text")', ENTER)
        terminal.wait_for("\ntext\n", READY)
        assert terminal.style_of(EMPTY).fg == "default"
        assert terminal.style_of("\ntext".strip()).fg == "default"
        leave(terminal)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"INSIDE_EMACS": "29.1,comint"}], ids=["dumb", "comint"])
def test_a_terminal_that_can_do_no_more_has_plain_lines(env: dict[str, str]) -> None:
    with session(**env) as (terminal, _):
        terminal.type("(+ 1\n")
        terminal.wait_for("  ...")
        terminal.type("2)\n")
        terminal.wait_for("\n3\n")
        terminal.type('(user (ask "Who?"))\n')
        terminal.wait_for("\nWho?")
        terminal.type("me\n")
        terminal.wait_for("\nme\n")
        terminal.type("(sqe", CTRL_C)
        terminal.wait_until(lambda: terminal.display.count(EMPTY) == 4)
        terminal.type("\n", CTRL_D)
        assert terminal.wait() == 0
    assert b"\x1b[?" not in terminal.shown


def test_on_the_real_engine(size: tuple[int, int]) -> None:
    with ScreenTerminal(command("repl"), *size, env=process_environment()) as terminal:
        terminal.wait_for(EMPTY)
        terminal.type(":set temperature 0", ENTER, "What is the capital of France?", ENTER)
        terminal.wait_for("Paris", READY)
        assert terminal.style_of("Paris").fg == "green"
        terminal.type('(g "What is the capital of Italy?")', ENTER)
        terminal.wait_for("Rome", READY)
        leave(terminal)


def test_ctrl_c_on_the_real_engine_returns_to_the_prompt() -> None:
    with ScreenTerminal(command("repl"), 80, 24, env=process_environment()) as terminal:
        terminal.wait_for(EMPTY)
        terminal.type('(g "Count from 1 to 50." (max-tokens 100000) (temperature 2))', ENTER)
        terminal.wait_until(lambda: b"\x1b[32m" in terminal.shown)
        terminal.type(CTRL_C)
        terminal.wait_for("spnl: interrupted", READY)
        terminal.type("(+ 1 2)", ENTER)
        terminal.wait_for("\n3\n")
        leave(terminal)


def test_the_session_of_the_readme_looks_so_on_a_terminal() -> None:
    """Its entries are typed, one after another, and the screen shows what the page shows."""
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    shown = page.partition("```repl\n")[2].partition("```")[0]
    with ScreenTerminal(command("repl", "-q"), 120, 40, env=process_environment()) as terminal:
        terminal.wait_for(EMPTY)
        for count, entry in enumerate(re.findall(f"^{PROMPT}(.*)$", shown, re.MULTILINE), 2):
            terminal.type(entry, ENTER)
            terminal.wait_until(lambda count=count: terminal.display.count(EMPTY) == count, entry)
            terminal.wait_for(READY)
        assert terminal.display.startswith(shown)
