"""What a terminal would obey or hide is spelt out."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spnl.visible import visible

SPELT = {
    "plain text, é 漢字": "plain text, é 漢字",
    "tab\tand\nline": "tab\tand\nline",
    "\x1b[31mred\x1b[0m": "^[[31mred^[[0m",
    "\x1b]0;title\x07": "^[]0;title^G",
    "\0\x01\x1f\x7f": "^@^A^_^?",
    "over\rwritten": "over^Mwritten",
    "\x85\x9b31m": "<U+0085><U+009B>31m",
    "\u202eabc\u2066d\u2069": "<U+202E>abc<U+2066>d<U+2069>",
    "\u200e\u200f\u200b\ufeff\u2028": "<U+200E><U+200F><U+200B><U+FEFF><U+2028>",
    "half \ud83d": "half <U+D83D>",
    "e\u0301 👩\u200d💻 ❤\ufe0f": "e\u0301 👩\u200d💻 ❤\ufe0f",
}


@pytest.mark.parametrize("text", SPELT)
def test_visible(text: str) -> None:
    assert visible(text) == SPELT[text]


def test_safe_text_is_not_copied() -> None:
    text = "plain " * 1000
    assert visible(text) is text


@given(st.text() | st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"])))
def test_nothing_is_left_that_acts(text: str) -> None:
    shown = visible(text)
    assert all(unicodedata.category(c) != "Cc" or c in "\n\t" for c in shown)
    assert all(unicodedata.bidirectional(c) not in {"LRE", "RLE", "LRO", "RLO", "PDF"} for c in shown)
    assert all(unicodedata.bidirectional(c) not in {"LRI", "RLI", "FSI", "PDI"} for c in shown)
    shown.encode()
    assert visible(shown) == shown
