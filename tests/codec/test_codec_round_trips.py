"""What is written is read back as the same query: in JSON, in YAML, and as a program."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_queries import programs, queries

from spnl.api import expand
from spnl.codec import read_json, read_yaml, write_json, write_program, write_yaml
from spnl.codec.names import OTHERS, ROLES, STRUCTURES
from spnl.codec.plain import plain
from spnl.executor.nodes import _BY_TYPE
from spnl.forms.registry import FORMS
from spnl.query import Attempt, Deferred, Message, Query, Ref, children
from spnl.source import Source

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def from_json(text: str) -> Query:
    return read_json(Source("q.json", text))


def from_yaml(text: str) -> Query:
    return read_yaml(Source("q.yaml", text))


@unhurried
@given(queries, st.sampled_from([None, 2]))
def test_json_is_read_as_the_query_that_was_written(query: Query, indent: int | None) -> None:
    written = write_json(query, indent=indent)
    assert from_json(written) == query
    assert write_json(from_json(written), indent=indent) == written


@unhurried
@given(queries)
def test_yaml_is_read_as_the_query_that_was_written(query: Query) -> None:
    assert from_yaml(write_yaml(query)) == query


@unhurried
@given(queries)
def test_a_program_expands_to_the_query_that_was_written(query: Query) -> None:
    assert expand(write_program(query)) == query


@unhurried
@given(queries)
def test_json_is_yaml(query: Query) -> None:
    """YAML 1.2 has all of JSON in it, and so has our reading of YAML."""
    assert from_yaml(json.dumps(json.loads(write_json(query)), indent=1)) == query


@unhurried
@given(programs)
def test_a_program_is_carried_as_what_it_expands_to(program: str) -> None:
    query = expand(program)
    without_sharing = plain(query, "JSON", None)
    assert from_json(write_json(query)) == without_sharing
    assert from_yaml(write_yaml(query)) == without_sharing
    assert expand(write_program(query)) == without_sharing


@unhurried
@given(queries)
def test_every_node_has_its_place_in_the_text(query: Query) -> None:
    """The span of a node is the text of its object; reading that alone gives the node."""

    def visit(node: Query) -> None:
        assert node.span is not None
        if "model" not in json.loads(node.span.text):  # the generation within a `repeat` has no name
            assert from_json(node.span.text) == node
        for child in children(node):
            visit(child)

    visit(from_json(write_json(query, indent=1)))


def test_the_names_of_nodes_are_those_of_their_forms() -> None:
    """Every kind of query has one name, but for those that JSON cannot carry."""
    named: dict[Any, str] = {**OTHERS, **{kind: name for name, kind in STRUCTURES.items()}}
    assert set(named) | {Message} == set(_BY_TYPE) - {Ref, Deferred, Attempt}
    assert {*named.values(), *ROLES} <= set(FORMS)


def test_a_large_map_stays_quick() -> None:
    """20,000 inputs: a reader or writer that is quadratic would run into the timeout."""
    text = json.dumps(
        {"map": {"metadata": {"model": "m"}, "inputs": [f"input {n}\n" for n in range(20_000)]}}
    )
    query = from_json(text)
    assert from_yaml(write_yaml(query)) == query
    assert expand(write_program(query)) == query


def test_a_program_is_written_to_be_read() -> None:
    query = from_json(
        json.dumps(
            {
                "g": {
                    "model": "ollama/granite3.3:2b",
                    "max_tokens": 200,
                    "input": {
                        "seq": [
                            {"system": 'Rank the letters.\nSay why: "because".'},
                            {
                                "plus": [
                                    {"repeat": {"n": 3, "g": {"model": "m", "input": {"user": "Write."}}}}
                                ]
                            },
                            {"user": "My name is Ada."},
                        ]
                    },
                }
            }
        )
    )
    assert write_program(query) == (
        '(g\n  (model "ollama/granite3.3:2b")\n  (max-tokens 200)\n  (input\n    (seq\n'
        '      (system """\n        Rank the letters.\n        Say why: "because".\n        """)\n'
        '      (plus (repeat (n 3) (g (model "m") (input "Write."))))\n'
        '      (user "My name is Ada."))))\n'
    )


def test_yaml_is_written_to_be_read() -> None:
    query = expand('(g (model "m") (temperature 0.7) (seq (system "Be brief.\\nBe kind.\\n") "no" (seq)))')
    assert write_yaml(query) == (
        'g:\n  model: "m"\n  temperature: 0.7\n  input:\n    seq:\n    - system: |\n        Be brief.\n'
        '        Be kind.\n    - user: "no"\n    - seq: []\n'
    )


@pytest.mark.parametrize("text", ["a \nb", "a\n\tb", "\ufeffa\n", "a\u2028\nb", " a\n"])
def test_what_a_block_would_hide_is_written_in_quotes(text: str) -> None:
    """White space at the end of a line, tabs, and what does not show: editors change it, people miss it."""
    query = Message("user", text)
    assert write_yaml(query).startswith('user: "')
    assert write_program(query).startswith('(user "') and '"""' not in write_program(query)


def test_aliases_stand_for_what_they_name() -> None:
    text = (
        "seq:\n- &ask {g: {model: &m a/b, input: {user: hi}}}\n- *ask\n- g: {model: *m, input: {user: x}}\n"
    )
    generation = '{"g": {"model": "a/b", "input": {"user": "%s"}}}'
    assert from_yaml(text) == from_json(
        f'{{"seq": [{generation % "hi"}, {generation % "hi"}, {generation % "x"}]}}'
    )


def test_numbers_that_mean_none_are_left_out() -> None:
    """Absent, null and (for tokens) 0 are what the program does not say."""
    bare = from_json('{"g": {"model": "m", "input": {"user": "x"}}}')
    for said in (
        '"max_tokens": 0',
        '"max_tokens": null',
        '"temperature": null',
        '"max_tokens":0,"temperature":null',
    ):
        assert from_json(f'{{"g": {{"model": "m", {said}, "input": {{"user": "x"}}}}}}') == bare
    assert not re.search("tokens|temperature", write_json(bare))
