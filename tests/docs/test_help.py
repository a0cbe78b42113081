"""What `--help` writes: it fits a terminal, and shows how each command is typed."""

from __future__ import annotations

import re

import pytest

from spnl.cli import COMMANDS
from tools.make_docs import help_text

PAGES = [(), *((name,) for name in COMMANDS)]


@pytest.mark.parametrize("names", PAGES, ids=" ".join)
def test_a_page_fits_80_columns(names: tuple[str, ...]) -> None:
    assert [line for line in help_text(names).split("\n") if len(line) > 80] == []


@pytest.mark.parametrize("names", PAGES, ids=" ".join)
def test_a_page_has_an_example(names: tuple[str, ...]) -> None:
    about = help_text(names).partition("\n")[2].partition("\nOptions:")[0]
    assert re.search(rf"^  (?:.*\| )?{' '.join(['spnl', *names])} ?", about, re.MULTILINE), about
