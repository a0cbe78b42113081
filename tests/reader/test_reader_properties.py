"""What holds for every program, and for every text that is none."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from written_programs import ANYWHERE, nodes, programs, soup, written

from spnl.diagnostics import render, render_json
from spnl.errors import IncompleteError, ProgramError, ReadError
from spnl.reader import read, read_all, read_text
from spnl.source import Source
from spnl.syntax import List, Node, Program


@given(nodes)
def test_printed_nodes_read_as_equal_nodes(node: Node) -> None:
    printed = str(node)
    assert read_text(printed).items == (node,)
    assert "\n" not in printed


@given(nodes, st.data())
def test_however_it_is_written(node: Node, data: Any) -> None:
    assert read_text(data.draw(written(node))).items == (node,)


def inside(node: Node) -> list[Node]:
    found, pending = [], [node]
    while pending:
        found.append(node := pending.pop())
        pending.extend(node.items if isinstance(node, List) else ())
    return found


@given(programs)
def test_spans_cover_what_reads_as_the_node(text: str) -> None:
    program = read_text(text)
    (outermost,) = program.items
    for node in inside(outermost):
        assert read_text(node.span.text).items == (node,)
        if isinstance(node, List):
            places = [node.span.start, *(n for item in node.items for n in item.span[1:]), node.span.end]
            assert places == sorted(places)
            assert node.span.text[0] + node.span.text[-1] == "()"


@given(programs)
def test_comments_and_data_are_all_there_is(text: str) -> None:
    """Without its data and its comments, a program at top level is white space."""
    program = read_text(text)
    rest = program.source.text
    outside = [comment for comment in program.comments if not covers(program.items[0], comment.span.start)]
    for span in sorted([program.items[0].span, *(comment.span for comment in outside)], reverse=True):
        rest = rest[: span.start] + rest[span.end :]
    assert not rest.strip("\u200b\ufeff \n\t\r\u00a0\u3000")
    for comment in program.comments:
        assert comment.text.startswith((";", "#|", "#;"))
        assert read_text(f"{comment.text}\na").comments[0].text == comment.text


def covers(node: Node, offset: int) -> bool:
    return node.span.start <= offset < node.span.end


@given(programs, st.data())
def test_a_beginning_is_incomplete_or_another_program(text: str, data: Any) -> None:
    """Cut anywhere, a program is not called wrong, but for an atom that the cut itself maims."""
    text = Source("-c", text).text
    cut = data.draw(st.integers(0, len(text) - 1))
    try:
        read_text(text[:cut])
    except IncompleteError as error:
        assert error.span is not None and error.span.start < cut
    except ReadError as error:
        assert error.span is not None
        if error.id == "empty":
            assert not covers(read_text(text).items[0], cut - 1)
        else:
            assert error.id in ("bad-atom", "glued") and error.span.end == cut


@given(programs)
def test_one_parenthesis_less_is_incomplete(text: str) -> None:
    try:
        read_text(f"({text}")
    except IncompleteError as error:
        assert error.id == "unclosed"
    else:
        raise AssertionError("a list that is not closed was read")


@given(soup | st.text())
def test_any_text_is_a_program_or_a_read_error(text: str) -> None:
    judge(Source("-c", text))


@given(st.binary() | soup.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_program_or_an_error(data: bytes) -> None:
    try:
        source = Source.from_bytes("x", data)
    except ProgramError as error:
        assert error.id == "not-utf-8"
    else:
        judge(source)


def judge(source: Source) -> None:
    """`read` and `read_all` agree, and errors have all that errors need."""
    program, errors = read_all(source)
    try:
        assert read(source) == program
        assert errors == ()
        assert program.items
        assert read_text(str(program)) == program
    except ReadError as error:
        assert errors
        assert (error.id, error.message, error.span) == (errors[0].id, errors[0].message, errors[0].span)
    for error in errors:
        assert error.span is not None
        assert 0 <= error.span.start <= error.span.end <= len(source.text)
        assert error.helps
        assert "\n" not in error.message and not error.message.endswith(".")
        drawn = render(error, color=False)
        assert drawn.isprintable() or "\n" in drawn
        assert render_json(error)["line"] >= 1
    assert all(not isinstance(error, IncompleteError) for error in errors[:-1])


@given(st.lists(nodes, min_size=1, max_size=3))
def test_programs_print_and_read(items: list[Node]) -> None:
    program = Program(ANYWHERE.source, tuple(items))
    assert read_text(str(program)) == program
