"""The Pygments lexer: every text has tokens, and programs have the right ones."""

from __future__ import annotations

import time
from importlib.metadata import entry_points

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Error, Keyword, Name, Number, Punctuation, String, Whitespace
from written_programs import programs, soup

from spnl.lexer import SpnlLexer


def tokens(text: str) -> list[tuple[object, str]]:
    """The tokens of a text, but for white space and parentheses."""
    found = SpnlLexer().get_tokens_unprocessed(text)
    return [(kind, value) for _, kind, value in found if kind not in (Whitespace, Punctuation)]


def kinds(text: str) -> list[object]:
    return [kind for kind, _ in tokens(text)]


@given(soup | st.text() | programs)
@example('"\\')
@example('"""\\')
@example("#| #")
@example("#; #; (")
@example("(define")
@example("(define (")
@example("\r\n(a\r\nb)")
def test_tokens_joined_are_the_text(text: str) -> None:
    at = 0
    for start, _, value in SpnlLexer().get_tokens_unprocessed(text):
        assert start == at
        at += len(value)
        assert text[start:at] == value
    assert at == len(text)


@given(programs)
def test_a_program_has_no_error(text: str) -> None:
    assert Error not in kinds(text)


def test_forms_clauses_calls_and_names() -> None:
    assert tokens('(g (model "m") (shout city) upper -3.5e2 #t)') == [
        (Keyword, "g"),
        (Name.Attribute, "model"),
        *[(String, part) for part in ('"', "m", '"')],
        (Name.Function, "shout"),
        (Name, "city"),
        (Name.Builtin, "upper"),
        (Number, "-3.5e2"),
        (Keyword.Constant, "#t"),
    ]


@pytest.mark.parametrize(
    ("text", "kind"), [("(define x 1)", Name.Variable), ("(define (x) 1)", Name.Function)]
)
def test_definitions(text: str, kind: object) -> None:
    assert tokens(text)[:2] == [(Keyword.Declaration, "define"), (kind, "x")]


def test_escapes() -> None:
    assert tokens(r'"a\n\u{1F600}\q"') == [
        (String, '"'),
        (String, "a"),
        (String.Escape, r"\n"),
        (String.Escape, r"\u{1F600}"),
        (Error, r"\q"),
        (String, '"'),
    ]


def test_a_text_block_ends_at_the_last_three_quotes() -> None:
    assert {kind for kind, _ in tokens('"""say "hi" ""and""""')} == {String.Heredoc}
    assert kinds('"""a"""" x')[-1] is Name


def test_comments_nest() -> None:
    assert set(kinds("#| a #| b |# c |#")) == {Comment.Multiline}
    assert kinds("#| a #| b |# c |# x")[-1] is Name


@pytest.mark.parametrize("skipped", ["x", '"a ) b"', "(a (b) #| c |# )", "; c\n x", "#;x y", '"""a\n"""'])
def test_a_skipped_datum_is_a_comment(skipped: str) -> None:
    *inside, after = kinds(f"#;{skipped} 1")
    assert after is Number
    assert all(kind in Comment for kind in inside)


@pytest.mark.parametrize("wrong", [")", "[", "12abc", "#true", "(a . 'b)"])
def test_what_cannot_be_read_is_an_error(wrong: str) -> None:
    assert Error in kinds(wrong)


def test_an_unfinished_string_is_a_string() -> None:
    """A line that is being typed is not painted as wrong."""
    assert kinds('(user "hel')[-1] is String


def test_pygments_finds_it_by_name() -> None:
    if not any(entry.name == "spnl" for entry in entry_points(group="pygments.lexers")):
        pytest.skip("spnl is not installed here")
    assert isinstance(get_lexer_by_name("spnl"), SpnlLexer)


@pytest.mark.parametrize(
    "piece", ['(g "a" (model m) ; c\n)', "(", '"', "#|", "#;", "#;(", '"""', "\\", "#| |"]
)
def test_time_grows_with_the_text_alone(piece: str) -> None:
    began = time.process_time()
    text = piece * (200_000 // len(piece))
    assert sum(len(value) for _, _, value in SpnlLexer().get_tokens_unprocessed(text)) == len(text)
    assert time.process_time() - began < 10
