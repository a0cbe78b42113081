"""Every error of the reader, drawn exactly.

`errors/NAME.txt` holds all errors of `errors/NAME.spnl`, or of a case made here; `read` raises the first.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from goldens import check

from spnl.diagnostics import render
from spnl.errors import IncompleteError, ProgramError, ReadError
from spnl.reader import MAX_ERRORS, read, read_all
from spnl.source import Source

ERRORS = Path(__file__).parent / "errors"

# What editors and version control would change, or what is too large for a file.
MADE = {
    "tabs": b'(seq\n\t(user\t"a\\qb"\t12abc))\n',
    "carriage-returns": b'(seq\r\n  (user "a\\q\r\n")\r\n  [b])\r\n',
    "byte-order-mark": b"\xef\xbb\xbf(a]\n)",
    "control-characters": b'(user "\x1b[31m\x07" x\x00y) ; \x1b[0m',
    "invisible-characters": '(user\u202e "x\u2066" \u00ada)'.encode(),
    "no-newline-at-end": b"(a\n (b",
    "newlines-at-end": b"(a\n (b\n\n\n",
    "empty-file": b"",
    "only-spaces": b"  \n\n ",
    "long-line": b"(seq " + b"word " * 50 + b"12abc " + b"word " * 49 + b")",
    "long-line-begins": b"12abc " + b"word " * 99,
    "long-line-ends": b"word " * 99 + b"12abc",
    "long-span": b'(user "' + b"word " * 99 + b'"12)',
    "deep-100000": b"(" * 100_000,
    "deep-closed": b"(" * 300 + b")" * 300,
    "long-string-unended": b'(user "' + b"x" * 10_000_000,
    "long-string-glued": b'(user "' + b"x" * 10_000_000 + b'"a)',
    "long-symbol": b"a" * 1_000_000 + b"[",
    "number-too-long": b"1" * 501,
    "byte-of-command-line": b"",
}


def source_of(name: str) -> Source:
    if name == "byte-of-command-line":
        return Source("-c", '(user "a\udcffb")')
    if name in MADE:
        return Source.from_bytes("demo.spnl", MADE[name])
    return Source("demo.spnl", (ERRORS / f"{name}.spnl").read_text(encoding="utf-8"))


NAMES = sorted([*MADE, *(path.stem for path in ERRORS.glob("*.spnl"))])


@pytest.mark.parametrize("name", NAMES)
def test_errors_as_drawn(name: str) -> None:
    _, errors = read_all(source_of(name))
    assert errors
    check(ERRORS / f"{name}.txt", "\n\n".join(render(error, color=False) for error in errors))


@pytest.mark.parametrize("name", NAMES)
def test_read_raises_the_first(name: str) -> None:
    source = source_of(name)
    _, (first, *_) = read_all(source)
    with pytest.raises(ReadError) as caught:
        read(source)
    assert (type(caught.value), caught.value.id, caught.value.span) == (type(first), first.id, first.span)
    assert caught.value.exit_code == 3


def test_every_golden_has_a_case() -> None:
    assert {path.stem for path in ERRORS.glob("*.txt")} == {*NAMES, *UNREADABLE}


def test_every_id_has_a_case() -> None:
    ids = {error.id for name in NAMES for error in read_all(source_of(name))[1]}
    assert ids == {
        *("unclosed", "stray", "unterminated", "bad-escape", "glued", "bad-atom", "empty", "too-deep"),
        "not-utf-8",
    }


UNREADABLE = ["missing", "folder", "not-utf-8", "not-utf-8-utf-16"]


@pytest.mark.parametrize("name", UNREADABLE)
def test_files_that_cannot_be_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("not-utf-8").write_bytes(b'(user "a"\n  "\xe9t\xe9")')
    Path("not-utf-8-utf-16").write_bytes('(user "a")'.encode("utf-16"))
    with pytest.raises(ProgramError) as caught:
        Source.from_file(name)
    check(ERRORS / f"{name}.txt", render(caught.value, color=False))


def test_a_path_that_no_file_can_have() -> None:
    with pytest.raises(ProgramError) as caught:
        Source.from_file("a\0b")
    assert caught.value.id == "no-such-file"


INCOMPLETE = [
    "(",
    "(a (b)",
    '"',
    '"a\\',
    '"""',
    '"""a""',
    "#|",
    "#| #| |#",
    "#;",
    "(a #;",
    "#; #; a",
    '("',
    "a #| |",
]
COMPLETE_BUT_WRONG = [")", "(a #;)", "[", '"\\q"', "(1.2.3", '(a"b" (', "", "; a", "(" * 201, "#;)", '"a"b "']


@pytest.mark.parametrize("text", INCOMPLETE)
def test_more_input_could_complete_it(text: str) -> None:
    with pytest.raises(IncompleteError):
        read(Source("-c", text))


@pytest.mark.parametrize("text", COMPLETE_BUT_WRONG)
def test_no_input_could_complete_it(text: str) -> None:
    with pytest.raises(ReadError) as caught:
        read(Source("-c", text))
    assert not isinstance(caught.value, IncompleteError)


def test_reading_goes_on_after_errors() -> None:
    program, errors = read_all(Source("-c", '(a [b "x\\q" 1.2.3) "c"d ) e'))
    assert [error.id for error in errors] == ["bad-atom", "bad-escape", "bad-atom", "glued", "stray"]
    assert str(program) == '(a [b "x\\\\q" 1.2.3)\n"c"\nd\ne'


def test_reading_stops_after_many_errors() -> None:
    program, errors = read_all(Source("-c", "[ " * 10_000))
    assert len(errors) == MAX_ERRORS
    assert program.items == ()


def test_an_error_does_not_come_twice() -> None:
    for text in ('"a"b"c"d"e"', ")))", '"a"1#t"b"'):
        assert len(read_all(Source("-c", text))[1]) == 1, text


def test_the_reader_is_fit_for_use_after_an_error() -> None:
    for text in ("(a #| b", "#; (", "((((", '"a"b', ")", "(" * 500):
        read_all(Source("-c", text))
        assert str(read(Source("-c", '(a "b")a'))) == '(a "b")\na'
