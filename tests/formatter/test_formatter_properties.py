"""What holds for every program: the layout changes nothing but the layout, and is the only one."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from written_programs import ANYWHERE, atoms, gaps, names, programs, soup, written

from spnl.errors import ReadError
from spnl.formatting import format_program
from spnl.formatting.tree import WIDTH, columns
from spnl.forms import FORMS
from spnl.reader import MAX_DEPTH, read_text
from spnl.source import Source
from spnl.syntax import List, Node, Program, Symbol, Text

# Programs as people write them, but for sense: forms and clauses at the heads of lists, and texts so long
# that lines have to break.
heads = st.sampled_from([*FORMS, "model", "input", "inputs", "n", "max-tokens"]) | names
phrases = st.lists(st.sampled_from(["a", "few", "words", "言葉", "line\nend", '"', "{}"]), max_size=24).map(
    " ".join
)
leaves: st.SearchStrategy[Node] = atoms | st.builds(Text, phrases, span=st.just(ANYWHERE))


def lists(inside: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    head: st.SearchStrategy[Node] = st.builds(Symbol, heads, span=st.just(ANYWHERE))
    items = st.lists(inside, max_size=6)
    calls = st.builds(lambda first, rest: (first, *rest), head, items)
    return st.builds(List, calls | items.map(tuple), span=st.just(ANYWHERE))


nodes = st.recursive(leaves, lists, max_leaves=30)
blank_lines = st.sampled_from(["\n", "\n\n", "\n\n\n", " "])


@st.composite
def whole_programs(draw: st.DrawFn) -> str:
    """The text of several forms, with comments and blank lines between and inside them."""
    parts = [draw(gaps | blank_lines) + draw(written(node)) for node in draw(st.lists(nodes, min_size=1))]
    return "".join([*parts, draw(gaps | blank_lines)])


def laid_out(text: str) -> str:
    return format_program(Source("-c", text))


@given(programs | whole_programs())
@example("(a (b (c ; d\n)) ; e\n) ; f")
@example("((a ; b\n) #|c|# ; d\n)")
@example("(a #| b\nc |# d)")
@example('"\r\r\n" """\r\r\n \r\r\n""" ;\r\r\n#| \r\r\n |# #;"\r\r\n" #;#;"\r\r\n" x 1')
@example('(user """\n  a\n\t b\n""")')
@example('(user """a\n \n b\n""")')
@example("(a\n#;(b)c)")
def test_the_layout_is_a_layout(text: str) -> None:
    formatted = laid_out(text)
    assert laid_out(formatted) == formatted
    before, after = read_text(text), read_text(formatted)
    assert after == before
    assert blocks(after) == blocks(before)
    assert remarks(after) == remarks(before)
    assert formatted.endswith("\n")
    assert "\n\n\n" not in without_texts(after)
    assert not re.search(r"[ \t]\n", without_texts(after))


def inside(program: Program) -> list[Node]:
    """Every node of a program, in order."""
    found: list[Node] = []
    pending = list(reversed(program.items))
    while pending:
        found.append(node := pending.pop())
        pending.extend(reversed(node.items) if isinstance(node, List) else ())
    return found


def blocks(program: Program) -> list[bool]:
    """Which texts are written as blocks."""
    return [node.block for node in inside(program) if isinstance(node, Text)]


def remarks(program: Program) -> list[Any]:
    """The comments, but for white space around lines; of what `#;` leaves out, the data."""
    return [
        read_text(comment.text[2:]).items if comment.text.startswith("#;") else lines(comment.text)
        for comment in program.comments
    ]


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n")]


def without_texts(program: Program) -> str:
    """A program's text with `_` in place of texts, and of comments that may be kept as they are."""
    text = program.source.text
    places = [node.span for node in inside(program) if isinstance(node, Text)]
    places += [comment.span for comment in program.comments if comment.text.startswith("#")]
    outermost = [a for a in places if not any(b.start < a.start and a.end <= b.end for b in places)]
    for _, start, end in sorted(outermost, reverse=True):
        text = text[:start] + "_" * (end - start) + text[end:]
    return text


@given(st.lists(nodes, min_size=1, max_size=3), st.data())
def test_white_space_does_not_matter(items: list[Node], data: Any) -> None:
    """There is one layout: where the author broke lines says nothing, but for blank lines and comments."""
    text = "\n".join(map(str, items))
    spaces = data.draw(st.lists(st.sampled_from([" ", "\n", "\t", "\n   ", "  "]), min_size=1))
    assert laid_out(respaced(text, spaces)) == laid_out(text)


def respaced(text: str, spaces: list[str]) -> str:
    """A text with other white space between its atoms, and around parentheses."""
    found = re.findall(r'"(?:[^"\\]|\\.)*"|[()]|[^\s()"]+', text)
    return "".join(token + spaces[index % len(spaces)] for index, token in enumerate(found))


@given(st.lists(nodes, min_size=1, max_size=3))
def test_no_line_is_long_that_could_be_shorter(items: list[Node]) -> None:
    formatted = laid_out("\n".join(map(str, items)))
    for line in formatted.splitlines():
        if columns(line) > WIDTH:
            found = re.findall(r'"(?:[^"\\]|\\.)*"|[()]|[^\s()"]+', line)
            longest = max(columns(token) for token in found if token not in "()")
            indent = len(line) - len(line.lstrip(" "))
            parentheses = sum(token in "()" for token in found)
            assert indent + 2 + longest + parentheses > WIDTH, line


@given(soup | st.text())
def test_any_text_has_a_layout_or_a_read_error(text: str) -> None:
    try:
        formatted = laid_out(text)
    except ReadError as error:
        assert error.id != "empty"
    else:
        assert laid_out(formatted) == formatted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        (" \n\n ", ""),
        ("\n; a comment  \n\n\n#|another|#", "; a comment\n\n#|another|#\n"),
        ("#!/usr/bin/spnl\n", "#!/usr/bin/spnl\n"),
    ],
)
def test_what_has_no_datum_still_has_a_layout(text: str, expected: str) -> None:
    assert laid_out(text) == expected


@pytest.mark.parametrize("opening", ["(", "(seq ", "(f ", "(let ((a 1)) ", "(a ; b\n", "(a\n; b\n", "#;("])
def test_as_deep_as_programs_can_be(opening: str) -> None:
    """Also close to the limit of Python's own stack, and with comments that move up all the way."""
    depth = MAX_DEPTH - opening.count("(") + 1
    text = opening * depth + '"a text" b ; c\n' + ")" * depth + " x"
    formatted = laid_out(text)
    assert laid_out(formatted) == formatted
    assert read_text(formatted) == read_text(text)


@pytest.mark.parametrize(
    "piece",
    [
        '(define (ask a) (g (format "What is the capital of {a}?" a) (temperature 0))) ; c\n',
        "(a ; b\n",
        "#;",
        '"""\n a\n"""',
        "#| a\n b |#",
        "(a b #;c\n",
    ],
)
def test_time_grows_with_the_text_alone(piece: str) -> None:
    """Ten times the text takes about ten times the time: within 40, for noise."""

    def took(size: int) -> float:
        nested = min(size // len(piece), MAX_DEPTH) if piece.startswith("(a") else 0
        if nested:
            text = (piece * nested + "x " + ")" * nested) * (size // len(piece) // nested)
        else:
            text = " ".join([piece] * (size // len(piece))) + " x" * (size // len(piece))
        began = time.process_time()
        laid_out(text)
        return time.process_time() - began

    took(1_000)
    assert took(60_000) < 40 * max(took(6_000), 0.005)
