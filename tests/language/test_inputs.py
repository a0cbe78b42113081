"""What programs take from outside: files and pipes read only as far as they are used, and people asked."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import spnl
from spnl.api import expand
from spnl.errors import ProgramError
from spnl.inputs import Inputs, Unasked, Unknown
from spnl.query import Deferred, Generate, Message, Query
from spnl.source import Source


class Terminal(io.BytesIO):
    """A stdin at which a person types."""

    def isatty(self) -> bool:
        return True


class Endless(io.RawIOBase):
    """A pipe that never ends; `given` counts the lines that were taken from it."""

    def __init__(self) -> None:
        self.given = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        self.given += 1
        return f'{{"n": {self.given}}}\n'.encode()

    def read(self, size: int = -1, /) -> bytes:
        raise AssertionError("the pipe never ends")


def said(program: str, **options: Any) -> str:
    """The text of a program whose answer is known without a model."""
    query = expand(program, **options)
    assert isinstance(query, Message) and isinstance(query.text, str)
    return query.text


def test_ask_puts_its_question_on_stderr_and_takes_a_line() -> None:
    stderr = io.StringIO()
    inputs = Inputs(Terminal(b"Rome\r\nParis\n"), stderr)
    assert said('(concat (ask "Which city?") "/" (ask "And then?\n"))', inputs=inputs) == "Rome/Paris"
    assert stderr.getvalue() == "Which city? And then?\n"


def test_ask_takes_the_default_for_an_empty_line_and_at_the_end() -> None:
    inputs = Inputs(Terminal(b"\n"), io.StringIO())
    assert said('(concat (ask "a" "x") (ask "b" "y"))', inputs=inputs) == "xy"


def test_ask_takes_an_empty_line_where_there_is_no_default() -> None:
    assert said('(concat "[" (ask "a") "]")', inputs=Inputs(Terminal(b"\n"), io.StringIO())) == "[]"


def test_ask_at_the_end_of_stdin_is_an_error() -> None:
    with pytest.raises(ProgramError) as caught:
        expand('(ask "a")', inputs=Inputs(Terminal(b""), io.StringIO()))
    assert caught.value.id == "nobody-to-ask"


def test_a_branch_that_is_not_taken_asks_nobody() -> None:
    inputs = Inputs(Terminal(b"one\n"), io.StringIO())
    assert said('(if #t (ask "a") (ask "b"))', inputs=inputs) == "one"


def test_stdin_that_holds_the_program_is_an_error() -> None:
    with pytest.raises(ProgramError) as caught:
        expand("(stdin)", inputs=Inputs(program_on_stdin=True))
    assert caught.value.id == "no-stdin"
    with pytest.raises(ProgramError) as caught:
        expand('(ask "a")', inputs=Inputs(program_on_stdin=True))
    assert caught.value.id == "nobody-to-ask"


@pytest.mark.parametrize("rows", ["(lines (stdin))", "(jsonl (stdin))"])
def test_an_endless_pipe_is_read_no_further_than_it_is_used(rows: str) -> None:
    pipe = Endless()
    expand(f"(take 10 {rows})", inputs=Inputs(pipe))  # type: ignore[arg-type]
    assert pipe.given == 10


def test_a_pipe_that_was_read_in_part_is_read_again_from_its_beginning() -> None:
    program = "(let ((l (lines (stdin)))) (concat (first l) (nth l 1) (first l) (length l) (trim (stdin))))"
    assert said(program, inputs=Inputs(io.BytesIO(b"a\nb\nc\n"))) == "aba3a\nb\nc"


def test_stdin_is_left_open() -> None:
    pipe = io.BytesIO(b"a\n")
    said("(stdin)", inputs=Inputs(pipe))
    assert not pipe.closed


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_named_pipe_is_read_before_its_writer_is_done(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = threading.Event()

    def write() -> None:
        with (tmp_path / "pipe").open("w") as pipe:
            pipe.write("one\ntwo\n")
            pipe.flush()
            done.wait(20)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        source = Source("p", '(concat (first (lines (file "pipe"))) "!")', str(tmp_path))
        assert said(source) == "one!"  # type: ignore[arg-type]
    finally:
        done.set()
        writer.join()


def test_a_file_that_is_read_twice_is_read_anew_line_by_line_but_kept_whole(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x\ny\n")
    source = Source(
        "p", '(let ((f (file "a.txt"))) (concat (trim f) (length (lines f)) (= f f)))', str(tmp_path)
    )
    assert said(source) == "x\ny2#t"  # type: ignore[arg-type]


def test_a_text_that_is_too_large_says_how_to_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spnl.files.MAX_TEXT_BYTES", 1 << 20)
    (tmp_path / "big.txt").write_bytes(b"line\n" * (1 << 18))
    with pytest.raises(ProgramError) as caught:
        expand(Source("p", '(trim (file "big.txt"))', str(tmp_path)))
    assert caught.value.id == "too-large"
    assert caught.value.helps == ('read it line by line: `(lines (file "big.txt"))`',)
    assert said(Source("p", '(concat (length (lines (file "big.txt"))))', str(tmp_path))) == str(1 << 18)  # type: ignore[arg-type]


def test_a_line_that_is_too_large_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spnl.files.MAX_TEXT_BYTES", 1 << 20)
    (tmp_path / "big.txt").write_bytes(b"a" * (2 << 20))
    with pytest.raises(ProgramError) as caught:
        expand(Source("p", '(length (lines (file "big.txt")))', str(tmp_path)))
    assert caught.value.id == "too-large"


def test_the_home_folder_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "a.txt").write_text("home")
    assert said('(trim (file "~/a.txt"))') == "home"


def test_a_program_that_imports_itself_is_a_cycle(tmp_path: Path) -> None:
    (tmp_path / "a.spnl").write_text('(import "b.spnl")')
    (tmp_path / "b.spnl").write_text('(import "a.spnl")')
    with pytest.raises(ProgramError) as caught:
        expand(Source.from_file(tmp_path / "a.spnl"))
    assert caught.value.message == "a file imports itself: a.spnl imports b.spnl imports a.spnl"


def unasked(program: str, folder: Path) -> Query:
    """A program's query where nobody is asked and no pipe is opened."""
    return expand(Source("p", program, str(folder)), inputs=Unasked(environ={"A": "a"}))


@pytest.mark.parametrize("text", ['(ask "a")', '(ask "a" "x")', "(stdin)", '(env "A")', '(arg "a")'])
def test_unasked_does_not_know_what_only_a_run_can(text: str, tmp_path: Path) -> None:
    assert isinstance(unasked(text, tmp_path), Unknown)
    assert isinstance(unasked(f'(if (contains? {text} "x") "a" "b")', tmp_path), Deferred)
    with pytest.raises(ProgramError):
        unasked(f"(+ 1 {text})", tmp_path)


def test_unasked_takes_defaults_that_a_program_gives(tmp_path: Path) -> None:
    assert isinstance(unasked('(g (model (env "B" "m")) "x")', tmp_path), Generate)


def test_unasked_lets_a_model_be_unknown(tmp_path: Path) -> None:
    assert isinstance(unasked('(g (model (arg "model")) "x")', tmp_path), Deferred)


def test_unasked_reads_files_but_no_pipes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a\n")
    assert isinstance(unasked('(file "a.txt")', tmp_path), Message)
    with pytest.raises(ProgramError) as caught:
        unasked('(file "b.txt")', tmp_path)
    assert caught.value.id == "no-such-file"
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        assert isinstance(unasked('(file "pipe")', tmp_path), Unknown)
        with pytest.raises(ProgramError) as caught:
            unasked('(import "pipe")', tmp_path)
        assert caught.value.id == "not-a-file"


def test_inputs_reach_a_program_through_the_library() -> None:
    from scripted import ScriptedEngine, ScriptedModels

    models = ScriptedModels(ScriptedEngine())
    answer = spnl.run("(g (trim (stdin)))", inputs=Inputs(io.BytesIO(b" hi \n")), models=models)
    assert answer.text == "hi"
