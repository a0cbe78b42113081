"""The parser's tables: not stale, and not needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import lark
import pytest

from spnl import _tables, malformed, reader
from spnl.reader import read_text
from tools.make_tables import tables

same_lark = pytest.mark.skipif(
    lark.__version__ != _tables.LARK_VERSION, reason="the tables are of another lark"
)


@same_lark
def test_tables_are_those_of_the_grammar() -> None:
    assert tables() == Path(_tables.__file__).read_text(encoding="utf-8"), "run `make tables`"


@pytest.fixture
def another_lark(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_tables, "LARK_VERSION", "0.0.0")
    reader._parser_and_builder.cache_clear()
    yield
    reader._parser_and_builder.cache_clear()


def test_another_lark_builds_from_the_grammar(another_lark: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tables, "DATA", {})
    assert str(read_text('(a "b" #| c |# 1)')) == '(a "b" 1)'


def test_the_grammar_is_found_inside_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spnl" / "grammar").mkdir(parents=True)
    (tmp_path / "spnl" / "grammar" / "spnl.lark").write_text("start: A", encoding="utf-8")
    monkeypatch.setattr(reader, "__file__", str(tmp_path / "spnl" / "reader.py"))
    assert reader.grammar() == "start: A"


def test_errors_know_every_character_that_the_grammar_refuses() -> None:
    parser, _ = reader._parser_and_builder()
    symbol = re.compile(parser.get_terminal("SYMBOL").pattern.to_regexp())
    refused = {chr(code) for code in range(0x20000) if not symbol.fullmatch(f"a{chr(code)}")}
    delimiters = {c for c in refused if c.isspace() or c in '();"\u200b\ufeff'}
    assert refused - delimiters <= set(re.findall(malformed._FOREIGN, "".join(sorted(refused))))


def test_the_grammar_has_no_conflict() -> None:
    """Lark resolves a conflict of shift and reduction without a word; in its debugging mode it does not."""
    from lark.parsers.lalr_analysis import LALR_Analyzer

    parser = lark.Lark(reader.grammar(), **reader.LARK_OPTIONS)
    LALR_Analyzer(parser.parser.parser_conf, strict=True).compute_lalr()
