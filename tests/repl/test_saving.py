"""`:save`: the session as a program, which gives the answers that the session gave."""

from __future__ import annotations

from pathlib import Path

import pytest
from recording import run, texts
from sessions import Typist

import spnl


def saved(typist: Typist, folder: Path) -> spnl.Source:
    typist.enter(f":save {folder / 'session.spnl'}")
    return spnl.Source.from_file(folder / "session.spnl")


@pytest.mark.parametrize(
    ("entries", "answers"),
    [
        (["(define x 3)", "(+ x 1)"], ["4"]),
        (["(define x 1)", "(define x 2)", "x"], ["2"]),
        (["(define x 1)", "(define y 5)", "(define x (+ y 1))", "(* x 2)"], ["12"]),
        (["(define (f a) (g2 a))", "(define (g2 a) (* a 2))", "(f 4)"], ["8"]),
        (["(list 1 2)", "(first _)"], ["1", "2", "1"]),
        (["(+ 1 1)", "(* _ 10)", "(+ _ _1)"], ["2", "20", "22"]),
        (["Hello", "(user _)"], ["Hello"]),
        (['(g "x")', '(user "again " _)'], ["x", "again x"]),
        (["(+ 1 1)", "_", "(+ _ 1)"], ["2", "3"]),
        (["(sqe)", "(+ 1 1)", ":nodels", "; a comment"], ["2"]),
        (["(+ 1 1)", "(+ 2 2)", ":undo"], ["2"]),
        (['(define q "say \\"hi\\"")', "(user q)"], ['say "hi"']),
    ],
)
def test_the_program_gives_the_answers(entries: list[str], answers: list[str], tmp_path: Path) -> None:
    typist = Typist()
    typist.enter(*entries)
    assert texts(run(saved(typist, tmp_path))) == answers


def test_imports_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lib.spnl").write_text("(define x 7)")
    typist = Typist()
    typist.enter('(import "lib.spnl")', "(+ x 1)")
    assert texts(run(saved(typist, tmp_path))) == ["8"]


def test_model_and_settings_stand_in_a_comment(tmp_path: Path) -> None:
    typist = Typist()
    typist.enter(":set temperature 0.5", "(+ 1 1)")
    first = saved(typist, tmp_path).text.splitlines()[0]
    assert first.startswith(";")
    assert '(model "m") (temperature 0.5)' in first


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "session.spnl").write_text("mine")
    typist = Typist()
    told = typist.told("(+ 1 1)", f":save {tmp_path / 'session.spnl'}")
    assert "error[bad-output]" in told
    assert (tmp_path / "session.spnl").read_text() == "mine"


def test_what_would_not_run_is_told(tmp_path: Path) -> None:
    """Each of two names was defined with the help of the other's earlier value."""
    typist = Typist()
    typist.enter("(define x 1)", "(define y x)", "(define x (+ y 1))", "y")
    told = typist.told(f":save {tmp_path / 'session.spnl'}")
    assert "the program cannot run as it stands" in told
    assert "error[unbound-name]" in told


def test_nothing_is_saved_of_nothing(tmp_path: Path) -> None:
    assert "nothing to save" in Typist().told(f":save {tmp_path / 'session.spnl'}")
    assert not (tmp_path / "session.spnl").exists()
