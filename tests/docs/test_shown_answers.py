"""Where a document shows what a program answers (`;=>`), `tiny` answers so.

`SPNL_REWRITE_GOLDENS=1` writes what comes out into the documents, to be read in the diff. Never in CI.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from goldens import REWRITE

import spnl

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

BLOCK = re.compile(r"^```spnl\n(?P<program>(?:(?!```|;=>).*\n)+)(?P<answer>(?:;=>.*\n)+)```$", re.MULTILINE)


class Shown(NamedTuple):
    """A program in a document, and the answer that stands under it."""

    document: Path
    program: str
    answer: str


def shown_answers() -> list[object]:
    """Every program with an answer, with a name that says where it stands."""
    found_answers: list[object] = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for found in BLOCK.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            shown = Shown(document, found["program"], found["answer"])
            found_answers.append(pytest.param(shown, id=f"{document.name}:{line}"))
    return found_answers


@pytest.mark.parametrize("shown", shown_answers())
def test_shown_answer(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    text = spnl.run(shown.program, model="mistralrs/tiny", max_tokens=100).text
    answer = "".join(f";=> {line}".rstrip() + "\n" for line in text.split("\n"))
    if REWRITE:
        written = shown.document.read_text(encoding="utf-8")
        rewritten = written.replace(shown.program + shown.answer, shown.program + answer, 1)
        shown.document.write_text(rewritten, encoding="utf-8")
        return
    assert answer == shown.answer


def test_every_shown_answer_is_tested() -> None:
    marks = sum(document.read_text(encoding="utf-8").count("\n;=>") for document in DOCUMENTS)
    assert marks == sum(param.values[0].answer.count(";=>") for param in shown_answers())  # type: ignore[attr-defined]
