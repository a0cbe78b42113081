"""`unreachable`: what no run can reach is said, and nothing else ever is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording import run

from spnl.checker import check
from spnl.source import Source


def dead(program: str) -> list[str]:
    """The parts of a program that `check` calls unreachable."""
    warnings = check(Source("t", program)).warnings
    return [found.span.text for found in warnings if found.id == "unreachable" and found.span]


@pytest.mark.parametrize(
    ("program", "parts"),
    [
        ('(if #t "a" (g "b"))', ['(g "b")']),
        ('(if #f "a" "b")', ['"a"']),
        ('(if #f "a")', ['"a"']),
        ('(if (not (= "x" "y")) "a" "b")', ['"b"']),
        ('(if (< 3 2) "a" "b")', ['"a"']),
        ('(if (and #f (= (g "q") "x")) "a" "b")', ['(= (g "q") "x")', '"a"']),
        ('(if (or (= (g "q") "x") #t) "a" "b")', []),
        ('(or #t (= "a" (g "b")) #f)', ['(= "a" (g "b")) #f']),
        ("(and #t #t (or #t #f))", ["#f"]),
        ('(try "a" (g "b"))', ['(g "b")']),
        ('(define (f) (if #f (if #f "a" "b") "c")) (f)', ['(if #f "a" "b")']),
    ],
)
def test_what_no_run_reaches(program: str, parts: list[str]) -> None:
    assert sorted(dead(program)) == sorted(parts)


@pytest.mark.parametrize(
    "program",
    [
        '(define long #t) (if long "a" "b")',
        '(if (= (arg "mode" "x") "x") "a" "b")',
        '(if (= 1 1.0) "a" "b")',
        '(if (empty? (file "facts.txt")) "a" "b")',
        '(if #t "a")',
        "(and #t #t #f)",
        '(try (number "x") 0)',
        '(if (contains? "a" "b") "a" "b")',
        "(if)",
        "(and)",
        "(if #t)",
    ],
)
def test_what_a_run_may_reach(program: str) -> None:
    assert dead(program) == []


conditions = st.recursive(
    st.sampled_from(["#t", "#f", "(= 1 2)", "(>= 2 2)", '(= "a" "a")', "known", "unknown"]),
    lambda inside: st.one_of(
        st.builds("(not {})".format, inside),
        st.builds("(and {} {})".format, inside, inside),
        st.builds("(or {} {} {})".format, inside, inside, inside),
    ),
    max_leaves=8,
)


@given(conditions)
def test_a_part_that_is_called_unreachable_is_never_run(condition: str) -> None:
    """With an error in its place, the program answers as before."""
    program = (
        '(define known (= (upper "x") "X")) (define unknown (= (g "q") "q"))'
        f'(if {condition} (user "yes" "!") (user "no" "!"))'
    )
    expected = run(program).text
    for part in dead(program):
        if part.startswith("(user"):
            assert run(program.replace(part, "(nth (list) 0)")).text == expected
