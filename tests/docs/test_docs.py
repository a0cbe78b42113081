"""Every example in the README and in docs/ runs, on the real engine: documents do not go stale."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import spnl
from spnl.forms import FORMS

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[object]:
    """Every fenced block of a language, with a name that says where it stands."""
    found_blocks: list[object] = []
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for found in BLOCK.finditer(text):
            if found[1] == language:
                line = text.count("\n", 0, found.start()) + 1
                found_blocks.append(pytest.param(found[2], id=f"{document.name}:{line}"))
    return found_blocks


@pytest.fixture
def beside_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative paths in examples are relative to examples/."""
    monkeypatch.chdir(ROOT / "examples")


@pytest.mark.usefixtures("beside_examples")
@pytest.mark.parametrize("program", blocks("spnl"))
def test_programs(program: str) -> None:
    """Whatever model an example names, it runs on `tiny` here."""
    spnl.run(program, model="mistralrs/tiny", max_tokens=100)


@pytest.mark.parametrize("code", blocks("python"))
def test_python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


@pytest.mark.parametrize("script", blocks("sh"))
def test_shell_lines_are_of_commands_and_options_that_exist(script: str) -> None:
    """The lines that call spnl with a program on the command line or in a pipe run as they stand."""
    ran = 0
    for line in script.splitlines():
        if re.match(r"spnl( run)? -c|echo '\(", line):
            words, _, _ = line.partition("  #")
            command = re.sub(r"\bspnl\b", f"{sys.executable} -m spnl", words, count=1)
            subprocess.run(["bash", "-c", command], check=True, cwd=ROOT / "examples", timeout=60)
            ran += 1
    assert ran or "spnl -c" not in script


@pytest.mark.usefixtures("beside_examples")
@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.spnl")), ids=lambda path: path.name)
def test_example_files(example: Path) -> None:
    spnl.run(spnl.Source.from_file(example), model="mistralrs/tiny", max_tokens=100)


def test_every_form_has_help_and_an_example() -> None:
    for form in set(FORMS.values()):
        assert form.doc.splitlines()[0].endswith("."), form.name
        assert any(name in form.doc for name in (form.name, *form.aliases)), form.name
