"""What the documents show as right, `spnl check` finds nothing wrong with."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import spnl
from spnl.checker import check

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```spnl\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "document",
    [pytest.param(path, id=path.name) for path in DOCUMENTS],
)
def test_programs_pass_check(document: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    for program in BLOCK.findall(document.read_text(encoding="utf-8")):
        findings = check(spnl.Source(document.name, program))
        assert [error.message for error in findings.errors + findings.warnings] == [], program
