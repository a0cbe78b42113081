"""What is offered at a place in an entry, what is said of the form there, and how far a new line goes in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessions import Typist

from spnl.errors import IncompleteError, ReadError
from spnl.reader import read_text
from spnl.repl.completion import Completer
from spnl.repl.context import context_at, indentation, matching
from spnl.repl.entries import is_complete
from spnl.repl.tokens import TokenLines

PIECES = ["(", ")", " ", "\n", '"', '"""', "#|", "|#", "; c\n", "g", "define", "12", "#t", "\\n"]


def completer(*entries: str) -> Completer:
    typist = Typist()
    typist.enter(*entries)
    return Completer(typist.session, TokenLines())


def offered(text: str, *entries: str) -> list[str]:
    """What is offered at the `|` of a text."""
    before, _, after = text.partition("|")
    return [found.text for found in completer(*entries).candidates(before + after, len(before))]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("(tri|", ["trim"]),
        ("(g (temp|", ["temperature"]),
        ('(g "x" (temp|) (top-p 1)', ["temperature"]),
        ("(let ((a (tri|", ["trim"]),
        (":unl|", ["unload"]),
        (":set top|", ["top-p", "top-k"]),
        (":doc tri|", ["trim"]),
        (":plan (tri|", ["trim"]),
        (":time o|", ["on", "off"]),
        (":nothing x|", []),
        ('(g (model "ti|', ["tiny"]),
        ('(g "ti|', ["tiny"]),
        ('(user "ti|', []),
        ("; (tri|", []),
        ("#| (tri|", []),
        ("Hello tri|", []),
    ],
)
def test_candidates(text: str, first: list[str]) -> None:
    assert offered(text) == first


def test_names_of_the_session_are_offered_and_clauses_stand_first() -> None:
    assert offered("(user my-|", "(define my-name 1)") == ["my-name"]
    assert offered("my-|", "(define my-name 1)") == ["my-name"]
    assert offered("(g (mod|", "(define model-name 1)")[:2] == ["model", "mod"]


def test_files_are_offered_with_a_slash_after_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "facts.txt").write_text("")
    (tmp_path / ".hidden").write_text("")
    monkeypatch.chdir(tmp_path)
    assert offered('(file "|') == ["data/"]
    assert offered('(file "data/f|') == ["facts.txt"]
    assert offered(":load data/|") == ["facts.txt"]
    assert offered('(file ".h|') == [".hidden"]
    assert offered('(file "no/such/|') == []


def test_the_hint_is_of_the_innermost_form_that_is_known() -> None:
    typing = completer("(define (f a) a)")
    for text, signature in [
        ("(seq (trim ", "(trim TEXT)"),
        ("(repeat (n 3", "(repeat (n N) (query QUERY))"),
        ("(f ", "(f a)"),
        (":set temp", ":set [NAME [VALUE]]"),
    ]:
        hint = typing.hint(text, len(text))
        assert hint is not None, text
        assert hint[0].split()[0] == signature.split()[0]
    assert typing.hint("Hello (trim ", 12) is None
    assert typing.hint("(unknown ", 9) is None


@pytest.mark.parametrize(
    ("before", "indent"),
    [
        ("(let ((a 1)", 6),
        ("(let ((a 1))", 2),
        ("(g", 2),
        ("(g (input (seq", 12),
        ("(concat a", 8),
        ("(concat", 2),
        ("(foreach x (list 1", 17),
        ('(user "text', 0),
        ("(+ 1 2)", 0),
        ("((a", 3),
    ],
)
def test_indentation(before: str, indent: int) -> None:
    assert len(indentation(context_at(TokenLines(), before, len(before)))) == indent


@pytest.mark.parametrize(
    ("text", "cursor", "pair"),
    [
        ("(a (b) c)", 0, (0, 8)),
        ("(a (b) c)", 9, (8, 0)),
        ("(a (b) c)", 4, (3, 5)),
        ('(a ")" c)', 9, (8, 0)),
        ('(a ")" c)', 5, None),
        ("(a ; )\n)", 8, (7, 0)),
        ("(a (b)", 0, None),
        ("a b", 1, None),
    ],
)
def test_matching_parentheses(text: str, cursor: int, pair: tuple[int, int] | None) -> None:
    assert matching(TokenLines(), text, cursor) == pair


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_what_has_open_lists_is_never_complete_for_the_reader(text: str) -> None:
    """So Enter need not read what is plainly unfinished; the reader decides of everything else."""
    code = f"({text}"
    if context_at(TokenLines(), code, len(code)).frames:
        with pytest.raises(ReadError):
            read_text(code)


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_the_reader_decides_what_is_complete(text: str) -> None:
    code = f"({text}"
    try:
        read_text(code)
        incomplete = False
    except ReadError as error:
        incomplete = isinstance(error, IncompleteError)
    assert is_complete(code, chat=True) == (not incomplete)
