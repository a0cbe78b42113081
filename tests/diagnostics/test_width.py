"""How many columns text takes on a terminal, and cutting it to fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spnl.width import columns, fitted


@pytest.mark.parametrize(
    ("text", "width"), [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("\uff41", 2), ("🙂!", 3)]
)
def test_columns(text: str, width: int) -> None:
    assert columns(text) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 4, "abc…"),
        ("日本語", 4, "日…"),  # half a character does not fit
        ("日本語", 5, "日本…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_text_is_cut_where_it_does_not_fit(text: str, width: int, shown: str) -> None:
    assert fitted(text, width) == shown


@given(st.text(), st.integers(0, 30))
def test_what_is_fitted_fits_and_is_whole_where_it_may_be(text: str, width: int) -> None:
    shown = fitted(text, width)
    assert columns(shown) <= width
    assert shown == text or columns(text) > width
