"""Every id of `docs/errors.md` is drawn somewhere exactly as it is to be drawn, with its place if it has one.

These are the files whose every character other tests compare with what comes out. A test that looks for a
part of a message is no golden: whoever reads the message reads all of it.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = "docs/errors.md"
GOLDENS = (
    PAGE,  # test_errors_page.py
    "tests/cli/cases/*.txt",
    "tests/cli/errors/*.txt",  # test_rare_errors.py
    "tests/codec/errors/*.txt",
    "tests/language/cases/*.spnl",
    "tests/reader/errors/*.txt",
)

HEADING = re.compile(r"^(?:;! )?(?:error|warning)\[([a-z0-9-]+)\]: ", re.MULTILINE)
MARKED = re.compile(r"^(?:;! )? +--> .+:\d+:\d+\n(?:.*\n)*?(?:;! )? +\| +\^", re.MULTILINE)
SECTION = re.compile(r"^## (.+)$|^### `(.+)`$", re.MULTILINE)

WITHOUT_PLACE = {
    "bad-grammar": "a schema comes with a request to a server, and no program holds it",
    "no-requantising": "a request to a server, and no program",
    "not-in-program": "queries that are too deep to be written are made by code, not read from a text",
}
"""Errors of programs that have none, and why. Whatever an engine refuses has the place of its generation."""


def drawn() -> dict[str, bool]:
    """The ids that are drawn in the goldens, and whether one of the drawings has a marker in the source."""
    ids: dict[str, bool] = {}
    for pattern in GOLDENS:
        paths = sorted(ROOT.glob(pattern))
        assert paths, pattern
        for path in paths:
            _, *pieces = HEADING.split(path.read_text(encoding="utf-8"))
            for id, after in zip(pieces[::2], pieces[1::2], strict=True):
                ids[id] = ids.get(id, False) or MARKED.search(after) is not None
    return ids


def listed() -> dict[str, str]:
    """The ids of the page, each with the heading that it stands under."""
    section, ids = "", {}
    for found in SECTION.finditer((ROOT / PAGE).read_text(encoding="utf-8")):
        section = found[1] or section
        if found[2]:
            ids[found[2]] = section
    return ids


def test_every_error_is_drawn_in_full_somewhere() -> None:
    goldens = drawn()
    assert [id for id in listed() if id not in goldens] == []


def test_no_golden_has_an_id_that_is_none() -> None:
    assert set(drawn()) <= set(listed())


def test_errors_of_programs_are_drawn_with_their_place() -> None:
    goldens = drawn()
    of_programs = [id for id, section in listed().items() if "exit code 3" in section or "Warn" in section]
    assert len(of_programs) > 60
    assert {id for id in of_programs if not goldens[id]} == set(WITHOUT_PLACE)
