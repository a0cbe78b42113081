"""Lexing line by line, as an editor does, gives the tokens of the whole text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spnl.lexer import SpnlLexer

ROOT = Path(__file__).parents[2]
PIECES = [
    "(",
    ")",
    " ",
    "\n",
    '"',
    '"""',
    "#|",
    "|#",
    "#;",
    ";",
    "\\",
    "\\n",
    "g",
    "model",
    "define",
    "12",
    "#t",
    ",",
    "é",
]


def by_character(tokens: list[tuple[Any, str]]) -> list[tuple[Any, str]]:
    return [(kind, character) for kind, text in tokens for character in text]


def assert_lines_agree(text: str) -> None:
    lexer = SpnlLexer()
    whole = [(kind, part) for _, kind, part in lexer.get_tokens_unprocessed(text)]
    states: tuple[str, ...] = ("root",)
    found: list[tuple[Any, str]] = []
    for line in text.splitlines(keepends=True):
        tokens, states = lexer.line_tokens(line, states)
        found.extend(tokens)
    assert by_character(found) == by_character(whole)


def test_a_text_that_is_left_out_may_span_lines() -> None:
    for text in ('#;"a\n(b" c', '#;"\n(', '#;"""a\n"(b""" c', '#;(a "\n(" b) c', '#;"\\\n(" c'):
        assert_lines_agree(text)


def test_the_examples() -> None:
    for example in sorted((ROOT / "examples").glob("*.spnl")):
        assert_lines_agree(example.read_text(encoding="utf-8"))


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_any_text(text: str) -> None:
    assert_lines_agree(text)
