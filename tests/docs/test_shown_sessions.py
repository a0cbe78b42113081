"""Where a document shows a session (a block `repl`), that is what `tiny` and spnl say.

Entries stand after the prompts, and what comes of them below, of both streams. `SPNL_REWRITE_GOLDENS=1`
writes what comes out into the documents, to be read in the diff. Never in CI.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from goldens import REWRITE
from sessions import RecordedConsole

from spnl.backends.pool import POOL
from spnl.repl.lines import MORE, PROMPT
from spnl.repl.session import Session

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```repl\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ENTRY = re.compile(rf"^{PROMPT}(.*(?:\n{re.escape(MORE)}.*)*)$", re.MULTILINE)


class OneStream(RecordedConsole):
    """A console whose two streams are one, as on a terminal."""

    def put(self, text: str) -> None:
        self.written.write(text.encode())


def shown_sessions() -> list[object]:
    return [
        pytest.param(document, found[1], id=f"{document.name}:{text.count(chr(10), 0, found.start()) + 1}")
        for document in DOCUMENTS
        for text in [document.read_text(encoding="utf-8")]
        for found in BLOCK.finditer(text)
    ]


@pytest.mark.parametrize(("document", "shown"), shown_sessions())
def test_shown_session(document: Path, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    POOL.get("mistralrs/tiny")  # so that no time of loading shows
    console = OneStream()
    session = Session(console, POOL, model="mistralrs/tiny")
    for entry in ENTRY.findall(shown):
        console.written.write(f"{PROMPT}{entry}\n".encode())
        session.enter(entry.replace(f"\n{MORE}", "\n"))
    seen = console.written.getvalue().decode()
    if REWRITE:
        text = document.read_text(encoding="utf-8")
        document.write_text(text.replace(f"```repl\n{shown}```", f"```repl\n{seen}```", 1), encoding="utf-8")
        return
    assert seen == shown


def test_there_are_such_sessions() -> None:
    assert len(shown_sessions()) >= 4
