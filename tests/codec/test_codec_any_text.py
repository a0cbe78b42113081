"""Whatever the bytes, what comes of them is a query or an error of ours with a place that can be drawn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from made_queries import queries

from spnl.codec import read_json, read_yaml, write_json, write_yaml
from spnl.diagnostics import render
from spnl.errors import ProgramError
from spnl.query import Query
from spnl.source import Source

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
readers = pytest.mark.parametrize("read", [read_json, read_yaml], ids=["json", "yaml"])

Read = Callable[[Source], Query]

PIECES = [
    *"{}[],:\"\\ \n\t-?&*!|>'%@`#.~0123456789eE+",
    *('"seq"', '"user"', '"g"', '"model"', '"input"', "seq:", "user:", "- ", "--- ", "...", "\\u", "\\ud800"),
    *("true", "null", "NaN", "-Infinity", "1e999", "&a", "*a", "!!int", "<<", "%YAML", "%TAG", "\\x", "\\U"),
    *("\0", "\x07", "\x85", "\u2028", "\ufeff", "\ud800", "\r\n", "é😀", "|2\n", "? ", "//"),
]
soup = st.lists(st.sampled_from(PIECES), max_size=25).map("".join)


def judge(read: Read, source: Source) -> None:
    """Read; an error is one of ours, within the text, and can be drawn."""
    try:
        query = read(source)
    except ProgramError as error:
        assert error.span is not None and error.span.source is source
        assert 0 <= error.span.start <= error.span.end <= len(source.text)
        assert render(error, color=False)
    else:
        assert isinstance(query, Query)


@st.composite
def damaged(draw: st.DrawFn, write: Callable[[Query], str]) -> str:
    """A text that was a query before something in it was lost, doubled or replaced."""
    text = write(draw(queries))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 5)))
        text = text[:start] + draw(st.sampled_from(["", text[start:end] * 2, *PIECES])) + text[end:]
    return text


@readers
@unhurried
@given(st.binary(max_size=60))
def test_any_bytes(read: Read, data: bytes) -> None:
    try:
        source = Source.from_bytes("q", data)
    except ProgramError:
        return
    judge(read, source)


@readers
@unhurried
@given(soup)
@example('user: "\\UFFFFFFFF"')
@example("%YAML 1." + "1" * 5000 + "\n--- a")
@example("user: |" + "9" * 5000)
@example("\ud800")
def test_nearly_a_query(read: Read, text: str) -> None:
    judge(read, Source("q", text))


@unhurried
@given(damaged(write_json))
def test_damaged_json(text: str) -> None:
    judge(read_json, Source("q", text))


@unhurried
@given(damaged(write_yaml))
def test_damaged_yaml(text: str) -> None:
    judge(read_yaml, Source("q", text))


@readers
@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "text",
    [
        *(
            '"' + "a" * 1_000_000,
            '{"user": "' + "\\" * 999_999,
            " " * 1_000_000,
            "\n" * 200_000,
            "a" * 1_000_000,
        ),
        *("- a\n" * 20_000, "[" + "1," * 20_000, '{"a":' * 199 + "[" + "1," * 5_000, "&a " * 20_000),
        *("&a *a " * 5_000, "? " * 20_000, "!" * 200_000, "%" * 200_000, "a: " * 20_000, "'" * 100_001),
        *("[" * 199 + "a: b, " * 2_000, "x: |\n" + " a\n" * 20_000, "#" * 500_000, "{" * 150 + "?" * 5_000),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_large_texts_are_read_quickly(read: Read, text: str) -> None:
    """A reader that is quadratic in any of these would run into the timeout."""
    judge(read, Source("q", text))
