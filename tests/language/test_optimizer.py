"""The optimizer keeps meaning: each rule by itself, and all of them on generated programs."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scripted import ScriptedEngine, ScriptedModels

import spnl
from spnl.api import expand
from spnl.optimizer import (
    RULES,
    Rule,
    drop_empty,
    flatten_cross,
    flatten_plus,
    flatten_seq,
    merge_par_of_plus,
    optimize,
)
from spnl.query import Cross, Deferred, Generate, Map, Message, Par, Plus, Query, Seq, Structure

A, B, C = (Message("user", text) for text in "abc")
EMPTY = Message("user", "")


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        (drop_empty, Seq((A, EMPTY, Seq(()), B)), Seq((A, B))),
        (drop_empty, Par((EMPTY,)), Par(())),
        (drop_empty, Cross((A, Plus(()))), Cross((A,))),
        (drop_empty, Seq((Map(None, ("x",)), A)), Seq((Map(None, ("x",)), A))),
        (flatten_seq, Seq((A, Seq((B, C)))), Seq((A, B, C))),
        (flatten_seq, Seq((A,)), A),
        (flatten_seq, Seq((Seq((A,)),)), A),
        (flatten_seq, Seq((A, Par((B, C)))), Seq((A, Par((B, C))))),
        (flatten_plus, Plus((Plus((A, B)), C)), Plus((A, B, C))),
        (flatten_plus, Plus((A,)), Plus((A,))),
        (flatten_plus, Plus((Seq((A, B)), C)), Plus((Seq((A, B)), C))),
        (merge_par_of_plus, Par((A,)), A),
        (merge_par_of_plus, Par((Plus((A,)), Plus((B, C)))), Plus((A, B, C))),
        (merge_par_of_plus, Par((Plus((A,)), B)), Par((Plus((A,)), B))),
        (merge_par_of_plus, Par(()), Par(())),
        (flatten_cross, Cross((A, Cross((B, C)))), Cross((A, B, C))),
        (flatten_cross, Cross((Cross((A, B)), C)), Cross((Cross((A, B)), C))),
        (flatten_cross, Cross(()), Cross(())),
    ],
)
def test_a_rule(rule: Rule, before: Query, after: Query) -> None:
    assert optimize(before, (rule,)) == after


def test_rules_reach_into_every_node() -> None:
    """Whatever holds a query holds an optimized one."""
    nested = "(seq (seq (g (seq (seq {})))) (monad (seq (seq {}))) (zip (seq (seq {})) (seq (seq {}))))"
    query = optimize(expand(nested.replace("{}", '(g "x") (g "y")')))
    found: list[Query] = [query]
    while found:
        node = found.pop()
        if isinstance(node, Seq):
            assert not any(isinstance(child, Seq) for child in node.children)
        found.extend(spnl.query.children(node))


def test_a_plus_of_generations_stays_one() -> None:
    """As a `map`, empty replies would be kept, and `zip` would pair them otherwise."""
    query = expand('(plus (g "a") (g "b"))')
    assert optimize(query) == query


def test_what_comes_to_a_list_is_a_text_within_a_structure() -> None:
    kept = expand('(upper (seq (split (g "a b"))))')
    assert isinstance(kept, Deferred)
    (wait,) = kept.waits
    assert isinstance(optimize(wait), Seq)
    assert run('(upper (seq (split (g "a b"))))', RULES) == ("A\nB", ["a b"])


def test_an_optimized_query_is_not_changed_again() -> None:
    query = expand('(par (plus (seq (seq "a" "b") (seq "c"))) (plus (cross "d" (cross "e" (g "f")))))')
    once = optimize(query)
    assert optimize(once) == once


def test_what_does_not_change_is_the_same_node() -> None:
    query = expand('(seq (g "a") (par "b" (g "c")))')
    assert optimize(query) is query


texts = st.sampled_from(['"a"', '"b"', '""', "x", "y"])


def _structures(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(inside, max_size=3).map(" ".join)
    one = st.lists(inside, min_size=1, max_size=2).map(" ".join)
    return st.one_of(
        st.builds("({} {})".format, st.sampled_from(["seq", "par", "plus", "cross"]), some),
        st.builds("({} {})".format, st.sampled_from(["seq", "par", "plus", "cross"]), some),
        st.builds('(g (seq (user "g") {}))'.format, some),
        st.builds("({} {})".format, st.sampled_from(["user", "system", "print", "monad", "concat"]), one),
        st.builds("(zip {} {})".format, inside, inside),
        st.builds("(repeat 2 {})".format, inside),
        st.builds("(let ((x {})) (seq {}))".format, inside, one),
        st.builds('(if (contains? {} "a") {} {})'.format, inside, inside, inside),
        st.builds("(foreach y (lines {}) {})".format, inside, inside),
        st.builds("(try {} {})".format, inside, inside),
        st.builds("(upper {})".format, inside),
        st.builds('(map (inputs "m" (concat {} "n")))'.format, inside),
    )


programs = st.recursive(texts, _structures, max_leaves=12).map('(let ((x "x") (y (g "y"))) {})'.format)


def run(program: str, rules: tuple[Rule, ...]) -> tuple[str, list[str]]:
    """What a program answers and asks when it is optimized by `rules`."""

    def optimized(query: Query) -> Query:
        return optimize(query, rules)

    engine = ScriptedEngine()
    with (
        patch("spnl.executor.machine.optimize", optimized),
        patch("spnl.executor.nodes.optimize", optimized),
    ):
        try:
            text = spnl.run(program, models=ScriptedModels(engine)).text
        except spnl.SpnlError as error:
            text = f"error[{error.id}] at {error.span}"
    return text, sorted(engine.asked)


@settings(max_examples=150, deadline=None)
@given(program=programs, rules=st.sampled_from([RULES, *((rule,) for rule in RULES)]))
@example(program='(zip "a" (zip "b" (par (plus (g "c")) (plus (g "d") "e"))))', rules=RULES)
@example(program='(zip "a" (seq (seq "b" (g "c")) "d"))', rules=RULES)
@example(program='(zip (seq (plus "a" "b")) (zip "c" (par (par "d" "e"))))', rules=RULES)
def test_rules_keep_what_a_program_answers_and_asks(program: str, rules: tuple[Rule, ...]) -> None:
    assert run(program, rules) == run(program, ())


def test_the_property_would_notice() -> None:
    """A rule that changes meaning is found out by the comparison above."""

    def wrong(query: Query) -> Query:
        return Seq(query.children[:1]) if isinstance(query, Structure) else query

    assert run('(par "a" (g "b"))', (wrong,)) != run('(par "a" (g "b"))', ())


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_says_what_it_does(rule: Callable[[Query], Query]) -> None:
    assert rule.__doc__


def test_generations_are_never_merged() -> None:
    query = optimize(expand('(plus (g "x") (g "x"))'))
    assert isinstance(query, Plus)
    assert [type(child) for child in query.children] == [Generate, Generate]
