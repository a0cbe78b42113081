"""A session that was killed comes back as it was, without a model being asked again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripted import Script, echo
from sessions import Typist

from spnl.backends.base import Chunk, Request
from spnl.repl.recovery import Entry, SessionFile, last_lost


@pytest.fixture
def folder(state_folder: Path) -> Path:
    return state_folder / "sessions"


def nobody(request: Request) -> str:
    raise AssertionError("the model is asked again")


def typist_with_file(folder: Path, script: Script = echo, **options: Any) -> Typist:
    return Typist(script, file=SessionFile(folder), **options)


def kill(typist: Typist) -> None:
    """Let go of the session's file as the system does when a process is killed."""
    file = typist.session._file
    assert file is not None
    os.close(file._descriptor)


def test_all_of_the_state_comes_back(folder: Path) -> None:
    count = iter(range(9))
    before = typist_with_file(folder, lambda request: f"{next(count)} {echo(request)}")
    before.session.ask = lambda prompt: "Spain"
    before.enter(
        ":system Be brief.",
        "(define x 3)",
        '(define city (g "draw"))',
        "city",
        "Hello",
        ":set temperature 0.5",
        '(define country (ask "Which?"))',
        "(repeat 2 (g country))",
        "(+ x 100)",
        ":undo",
        ":time on",
        "(sqe)",
    )
    kill(before)
    after = typist_with_file(folder, nobody)
    assert "11 entries are back" in after.told(":restore")
    assert after.session.state.conversation == before.session.state.conversation
    assert after.session.state.sampling == before.session.state.sampling
    assert after.session.timing
    assert [a.text for a in after.session.state.answers] == [a.text for a in before.session.state.answers]
    assert after.enter("_", "city", "country", "x") == "2 Spain\n3 Spain\n0 draw\nSpain\n3\n"


def test_what_was_interrupted_comes_back_as_far_as_it_was_said(folder: Path) -> None:
    def script(request: Request) -> Iterator[str | Chunk]:
        yield "so far"
        raise KeyboardInterrupt

    before = typist_with_file(folder, script)
    before.enter("Hello")
    kill(before)
    after = typist_with_file(folder, nobody)
    after.enter(":restore")
    assert after.session.state.conversation.turns == (("user", "Hello"), ("assistant", "so far"))


def test_what_was_restored_can_be_lost_and_restored_again(folder: Path) -> None:
    first = typist_with_file(folder)
    first.enter("(define x 1)")
    kill(first)
    second = typist_with_file(folder)
    second.enter(":restore", "(define y 2)")
    kill(second)
    third = typist_with_file(folder)
    third.enter(":restore")
    assert third.enter("x", "y") == "1\n2\n"
    assert len(list(folder.iterdir())) == 1


def test_a_session_that_ends_in_order_leaves_nothing(folder: Path) -> None:
    typist = typist_with_file(folder)
    typist.enter("(define x 1)")
    typist.session.close()
    assert list(folder.iterdir()) == []
    assert "no session to bring back" in Typist().told(":restore")


def test_a_session_that_lives_is_not_taken_for_lost(folder: Path) -> None:
    typist = typist_with_file(folder)
    typist.enter("(define x 1)")
    assert last_lost(folder) is None
    kill(typist)
    assert last_lost(folder) is not None


def test_the_files_are_private_and_a_line_written_in_part_is_left_out(folder: Path) -> None:
    typist = typist_with_file(folder)
    typist.enter("(define x 1)")
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    kill(typist)
    with path.open("ab") as file:
        file.write(b'{"text": "(define y')
    lost = last_lost(folder)
    assert lost is not None
    assert lost.entries() == [Entry("(define x 1)", [], [], None)]


def test_only_a_few_lost_sessions_are_kept(folder: Path) -> None:
    for _ in range(8):
        typist = typist_with_file(folder)
        typist.enter("(define x 1)")
        kill(typist)
    lost = last_lost(folder)
    assert lost is not None
    assert len(list(folder.iterdir())) == 5
