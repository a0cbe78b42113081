"""How errors are drawn. That of every error of the reader is in `tests/reader/errors`."""

from __future__ import annotations

import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spnl import diagnostics
from spnl.diagnostics import render, render_json
from spnl.errors import ModelError, ProgramError, ReadError, SpnlError
from spnl.source import Source, Span


def at(text: str, part: str, name: str = "demo.spnl") -> Span:
    """The place of `part` in a program."""
    source = Source(name, text)
    start = source.text.index(part)
    return Span(source, start, start + len(part))


def drawn(error: SpnlError, width: int = 100) -> str:
    return "\n" + render(error, color=False, width=width) + "\n"


def expect(text: str) -> str:
    return dedent(text)


def test_the_layout() -> None:
    error = ReadError(
        "unclosed",
        "this `(` is never closed",
        span=at('; a query\n  (cross (user "hi")\n', "(")._replace(end=13),
        label="opened here",
        notes=("a note", "another"),
        helps=("add `)` at the end of the file",),
    )
    assert drawn(error) == expect("""
        error[unclosed]: this `(` is never closed
         --> demo.spnl:2:3
          |
        2 |   (cross (user "hi")
          |   ^ opened here
          = note: a note
          = note: another
          = help: add `)` at the end of the file
    """)


def test_without_a_place() -> None:
    error = ModelError("unknown-model", "there is no model `x`", notes=("n",), helps=("h",))
    assert drawn(error) == expect("""
        error[unknown-model]: there is no model `x`
          = note: n
          = help: h
    """)
    assert drawn(ModelError("gated", "it is gated")) == "\nerror[gated]: it is gated\n"


def test_without_a_label() -> None:
    assert drawn(ProgramError("e", "m", span=at("abc", "b"))) == expect("""
        error[e]: m
         --> demo.spnl:1:2
          |
        1 | abc
          |  ^
    """)


def test_the_gutter_is_as_wide_as_the_line_number() -> None:
    error = ProgramError("e", "m", span=at("\n" * 1233 + "  here", "here"), label="l", helps=("h",))
    assert drawn(error) == expect("""
        error[e]: m
            --> demo.spnl:1234:3
             |
        1234 |   here
             |   ^^^^ l
             = help: h
    """)


def test_a_place_of_several_lines_is_marked_to_the_end_of_the_first() -> None:
    error = ProgramError("e", "m", span=at('(a "b\nc\n" d)', '"b\nc\n"'))
    assert drawn(error) == expect("""
        error[e]: m
         --> demo.spnl:1:4
          |
        1 | (a "b
          |    ^^
    """)


@pytest.mark.parametrize("text", ["ab", "ab\n"])
def test_a_place_at_the_end_of_a_line(text: str) -> None:
    assert drawn(ProgramError("e", "m", span=Span(Source("f", text), 2, len(text)))) == expect("""
        error[e]: m
         --> f:1:3
          |
        1 | ab
          |   ^
    """)


def test_an_empty_line() -> None:
    assert drawn(ProgramError("e", "m", span=Span(Source("f", "a\n\nb"), 2, 2))) == expect("""
        error[e]: m
         --> f:2:1
          |
        2 |
          | ^
    """)


def test_tabs_are_four_columns_apart() -> None:
    assert drawn(ProgramError("e", "m", span=at("\ta\tb\t\there", "here"))) == expect("""
        error[e]: m
         --> demo.spnl:1:7
          |
        1 |     a   b       here
          |                 ^^^^
    """)


def test_wide_and_combining_characters() -> None:
    assert drawn(ProgramError("e", "m", span=at("漢字 e\u0301🦙 字x", "字x"))) == expect("""
        error[e]: m
         --> demo.spnl:1:8
          |
        1 | 漢字 e\u0301🦙 字x
          |          ^^^
    """)


def test_what_a_terminal_would_obey_is_shown() -> None:
    error = ProgramError(
        "e",
        "bad \x1b[2J\u202e",
        span=at("a\x1b[31mb \u202e\x07 here", "here", "\x1b[1mname\n.spnl"),
        label="\x1b]",
        notes=("\x07",),
        helps=("\x9b",),
    )
    assert drawn(error) == expect("""
        error[e]: bad ^[[2J<U+202E>
         --> ^[[1mname^J.spnl:1:12
          |
        1 | a^[[31mb <U+202E>^G here
          |                     ^^^^ ^[]
          = note: ^G
          = help: <U+009B>
    """)


def test_messages_of_several_lines_hang() -> None:
    error = ProgramError("e", "one\ntwo", span=at("abc", "b"), notes=("three\nfour",), helps=("five\nsix",))
    assert drawn(error) == expect("""
        error[e]: one
                  two
         --> demo.spnl:1:2
          |
        1 | abc
          |  ^
          = note: three
                  four
          = help: five
                  six
    """)


LONG = " ".join(f"w{n}" for n in range(200))


LONG_SHOWN = {
    "w0 ": """
        1 | w0 w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11 w…
          | ^^^
    """,
    "w100": """
        1 | … w96 w97 w98 w99 w100 w101 w102 w103 w…
          |                   ^^^^
    """,
    "w199": """
        1 | …w192 w193 w194 w195 w196 w197 w198 w199
          |                                     ^^^^
    """,
    LONG[500:600]: """
        1 | …120 w121 w122 w123 w124 w125 w126 w127…
          |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    """,
}


@pytest.mark.parametrize("part", LONG_SHOWN)
def test_long_lines_are_shown_about_the_place(part: str) -> None:
    shown = drawn(ProgramError("e", "m", span=at(LONG, part)), width=40).splitlines()[4:]
    assert "\n".join(["", *shown, ""]) == expect(LONG_SHOWN[part])


@given(st.text(st.characters(max_codepoint=0x3FF, exclude_characters="\n")), st.integers(1, 200), st.data())
def test_marks_stand_below_what_they_mark(line: str, width: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    source = Source("f", line)
    shown, marks = render(
        ProgramError("e", "m", span=Span(source, start, end)), color=False, width=width
    ).splitlines()[3:5]
    shown, marks = shown.removeprefix("1 |")[1:], marks.removeprefix("  | ")
    assert set(marks) <= {" ", "^"}
    assert columns(shown) <= max(width, diagnostics.MIN_WIDTH)
    assert columns(marks) <= max(width, diagnostics.MIN_WIDTH) + 1
    plain = source.text[start:end]
    if plain.isalnum() and plain.isascii() and len(plain) < width // 2:
        place = len(marks) - len(marks.lstrip())
        assert cut(shown, place, len(marks)) == plain


def columns(text: str) -> int:
    return sum(unicodedata.category(c) not in ("Mn", "Me", "Cf") for c in text)


def cut(text: str, start: int, end: int) -> str:
    """What stands in these columns of a line without wide characters, but for combining ones."""
    plain = "".join(c for c in text if columns(c))
    return plain[start:end]


@given(st.text(), st.text(), st.data())
def test_nothing_drawn_can_act(message: str, text: str, data: st.DataObject) -> None:
    source = Source("n" + message, text)
    start = data.draw(st.integers(0, len(source.text)))
    error = ProgramError("e", message, span=Span(source, start, len(source.text)), notes=(text,))
    lines = render(error, color=False)
    assert all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs") for c in lines)


def test_colour() -> None:
    error = ReadError("stray", "unexpected", span=at("a)", ")"), label="here", helps=("h",))
    plain, coloured = render(error, color=False), render(error, color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert coloured.splitlines() == [
        "\x1b[1;31merror[stray]\x1b[0m\x1b[1m: unexpected\x1b[0m",
        " \x1b[1;34m-->\x1b[0m demo.spnl:1:2",
        "  \x1b[1;34m|\x1b[0m",
        "\x1b[1;34m1\x1b[0m \x1b[1;34m|\x1b[0m a)",
        "  \x1b[1;34m|\x1b[0m  \x1b[1;31m^ here\x1b[0m",
        "  \x1b[1;34m=\x1b[0m \x1b[1mhelp:\x1b[0m h",
    ]


def test_a_warning_is_drawn_alike() -> None:
    error = ProgramError("unused", "`x` is never used", span=at("(x)", "x"))
    assert render(error, color=False, severity="warning").startswith("warning[unused]: `x` is never used\n")
    assert render(error, color=True, severity="warning").startswith("\x1b[1;35mwarning[unused]\x1b[0m")


def test_as_data() -> None:
    error = ReadError("e", "m", span=at("\n (a\nb)", "(a\nb)"), label="l", notes=("n",), helps=("h", "i"))
    assert render_json(error) == {
        "id": "e",
        "message": "m",
        "file": "demo.spnl",
        "line": 2,
        "column": 2,
        "end_line": 3,
        "end_column": 3,
        "notes": ["n"],
        "helps": ["h", "i"],
    }


def test_as_data_without_a_place() -> None:
    as_data = render_json(ModelError("e", "m"))
    places = ("file", "line", "column", "end_line", "end_column")
    assert all(as_data[place] is None for place in places)
    assert as_data["notes"] == as_data["helps"] == []


def test_drawing_needs_no_reader() -> None:
    code = "import sys, spnl.diagnostics; assert not {'lark', 'spnl.reader', 'spnl.syntax'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(diagnostics.__file__).parents[1])
