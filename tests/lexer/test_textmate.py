"""The TextMate grammar: current, of expressions that compile, and right on programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.make_editors import TARGET, grammar

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("**/*.spnl"))

GRAMMAR = json.loads(grammar())


def test_the_grammar_is_current() -> None:
    assert grammar() == TARGET.read_text(encoding="utf-8"), "run tools/make_editors.py"


class TextMate:
    """As much of a TextMate engine as the grammar needs: the first rule that matches earliest wins."""

    def __init__(self) -> None:
        self.open: list[dict[str, Any]] = []

    def scopes(self, line: str) -> Iterator[tuple[str, str]]:
        """Each scoped piece of a line, with its innermost scope."""
        at = 0
        while at <= len(line):
            found = self._first(line, at)
            if found is None:
                break
            match, rule = found
            yield from self._plain(line[at : match.start()])
            if rule is None:
                yield match[0], self.open.pop()["name"]
            elif "begin" in rule:
                self.open.append(rule)
                yield match[0], rule["name"]
            elif "captures" in rule:
                for group, capture in rule["captures"].items():
                    if match[int(group)]:
                        yield match[int(group)], capture["name"]
            else:
                yield match[0], rule["name"]
            at = max(match.end(), at + (match.end() == at))
        yield from self._plain(line[at:])

    def _plain(self, text: str) -> Iterator[tuple[str, str]]:
        if text.strip():
            yield text, self.open[-1]["name"] if self.open else ""

    def _first(self, line: str, at: int) -> tuple[re.Match[str], dict[str, Any] | None] | None:
        rules = self.open[-1]["patterns"] if self.open else GRAMMAR["patterns"]
        tried: list[tuple[str, dict[str, Any] | None]] = [
            (rule.get("match") or rule["begin"], rule) for rule in flat(rules)
        ]
        if self.open:
            tried.insert(0, (self.open[-1]["end"], None))
        matches = [(re.compile(pattern).search(line, at), rule) for pattern, rule in tried]
        found = [(match, rule) for match, rule in matches if match is not None]
        return min(found, key=lambda pair: pair[0].start(), default=None)


def flat(rules: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rules with those that they include in their places."""
    for rule in rules:
        if "include" in rule:
            included = GRAMMAR["repository"][rule["include"].removeprefix("#")]
            yield from flat(included["patterns"] if set(included) == {"patterns"} else [included])
        else:
            yield rule


def scopes(text: str) -> list[tuple[str, str]]:
    engine = TextMate()
    return [
        (piece, scope.removesuffix(".spnl"))
        for line in text.split("\n")
        for piece, scope in engine.scopes(line)
        if not scope.startswith("punctuation")
    ]


def test_a_line_of_program() -> None:
    assert scopes('(g (model "a\\n") (if #t 1.5) (shout x)) ; c') == [
        ("g", "support.function"),
        ("model", "entity.other.attribute-name"),
        ('"', "string.quoted.double"),
        ("a", "string.quoted.double"),
        ("\\n", "constant.character.escape"),
        ('"', "string.quoted.double"),
        ("if", "keyword.control"),
        ("#t", "constant.language.boolean"),
        ("1.5", "constant.numeric"),
        ("shout", "entity.name.function"),
        ("x", "variable.other"),
        ("; c", "comment.line.semicolon"),
    ]


def test_definitions() -> None:
    assert scopes("(define (f a) a)")[:2] == [("define", "keyword.control"), ("f", "entity.name.function")]
    assert scopes("(define x a)")[1] == ("x", "variable.other.definition")


def test_a_text_block_goes_on_over_lines() -> None:
    inside = scopes('(user """\n  a "b" (g\n  """) x')
    assert {scope for _, scope in inside[1:-1]} == {"string.quoted.triple"}
    assert inside[-1] == ("x", "variable.other")


@pytest.mark.parametrize("comment", ["#| a #| b |#\n c |#", '#;(a (b)\n ")" c)', "#;x", '#;"a b"', "; (g"])
def test_comments(comment: str) -> None:
    *inside, after = scopes(f"{comment}\nx")
    assert after == ("x", "variable.other")
    assert all(scope.startswith(("comment", "string")) for _, scope in inside)
    assert inside


def test_forms_whose_names_begin_alike() -> None:
    assert scopes("(generated 1)")[0] == ("generated", "entity.name.function")
    assert scopes("(generate 1)")[0] == ("generate", "support.function")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_have_nothing_illegal_and_end_at_top_level(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not [piece for piece, scope in scopes(text) if "illegal" in scope]
    assert scopes(f"{text}\nx")[-1] == ("x", "variable.other")


def test_a_wrong_piece_is_illegal() -> None:
    assert scopes("(a [b] 12abc)")[1:] == [("[b]", "invalid.illegal"), ("12abc", "invalid.illegal")]
