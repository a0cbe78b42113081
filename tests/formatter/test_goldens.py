"""The layout, by example: each program in `cases/`, and how it should be laid out beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from goldens import check

from spnl.formatting import format_program
from spnl.reader import read, read_text
from spnl.source import Source

CASES = sorted((Path(__file__).parent / "cases").glob("*.spnl"))
PROGRAMS = sorted((Path(__file__).parents[2] / "examples").glob("**/*.spnl"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_layout(case: Path) -> None:
    formatted = format_program(Source.from_file(case))
    check(case.with_suffix(".expected"), formatted.removesuffix("\n"))
    assert formatted.endswith("\n") and not formatted.endswith("\n\n")
    assert format_program(Source("again", formatted)) == formatted


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_examples_stay_the_programs_that_they_are(path: Path) -> None:
    source = Source.from_file(path)
    formatted = format_program(source)
    assert read_text(formatted) == read(source)
    assert format_program(Source("again", formatted)) == formatted
