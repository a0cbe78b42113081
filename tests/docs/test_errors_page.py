"""`docs/errors.md`: every id that the code can raise and no other, and examples that are what comes out.

An example is a program, an empty line, and the error as it is drawn (`spnl-error`; a name beside it is the
file's), or a command and what it writes to stderr (`sh-error`). Both stand in the folder `examples`.
`SPNL_REWRITE_GOLDENS=1` writes what comes out into the page, to be read in the diff. Never in CI.
"""

from __future__ import annotations

import ast
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from goldens import REWRITE
from invoking import invoke

import spnl
from spnl import errors
from spnl.checker import check
from spnl.codec import format_of, read_json, read_yaml
from spnl.diagnostics import render
from spnl.inputs import Inputs

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "errors.md"

ENTRY = re.compile(
    r"^## .*: exit code (\d+)$|^### `(.+)`$|^```(spnl|sh)-error ?(.*)\n((?s:.*?))^```$", re.MULTILINE
)
DRAWN = re.compile(r"\n*^(?=(?:error|warning)\[)", re.MULTILINE)

NOT_LITERAL = {
    ("spnl/backends/mistralrs/engine.py", "error.id"),  # `prompt-too-long`, with numbers
    ("spnl/backends/mistralrs/failures.py", "failure.id"),  # of a `_LoadFailure`
    ("spnl/backends/servers/address.py", "id"),  # `bad-variable`, and `bad-config` of the configuration
    ("spnl/codec/plain.py", "id"),
}
"""Where an id is not written where the error is made."""


class Example(NamedTuple):
    """One example of the page: what is run, and what should come of it."""

    id: str
    exit_code: int
    kind: str
    file: str
    program: str
    expected: str


def read_page() -> tuple[list[str], list[Example]]:
    """The ids of the page in order, and its examples."""
    ids: list[str] = []
    examples: list[Example] = []
    exit_code = -1
    for found in ENTRY.finditer(PAGE.read_text(encoding="utf-8")):
        if found[1]:
            exit_code = int(found[1])
        elif found[2]:
            ids.append(found[2])
        else:
            program, *expected = DRAWN.split(found[5].rstrip("\n"), maxsplit=1)
            file = found[4] or "demo.spnl"
            examples.append(Example(ids[-1], exit_code, found[3], file, program, "".join(expected)))
    return ids, examples


IDS, EXAMPLES = read_page()


def raised_ids() -> Iterator[str]:
    """Every id that is written in the source as the first argument of an error."""
    yield errors.Interrupted().id
    classes = {name for name, found in vars(errors).items() if isinstance(found, type)} | {"_LoadFailure"}
    for file in sorted((ROOT / "spnl").rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in classes and node.args:
                yield from ids_in(node.args[0], name)
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "id":
                yield from ids_in(node.value, name)


def ids_in(node: ast.expr, file: str) -> Iterator[str]:
    """The ids that an expression may be."""
    if isinstance(node, ast.IfExp):
        yield from ids_in(node.body, file)
        yield from ids_in(node.orelse, file)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    else:
        assert (file, ast.unparse(node)) in NOT_LITERAL, f"{file}: which ids can {ast.unparse(node)} be?"


def test_every_id_has_an_entry_and_every_entry_an_id() -> None:
    assert sorted(IDS) == sorted(set(raised_ids()))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.id)
def test_example(example: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "examples")
    drawn, exit_code = (ran if example.kind == "sh" else drawn_for)(example, monkeypatch)
    if REWRITE:
        rewrite(example, drawn)
        return
    assert drawn == example.expected
    assert f"[{example.id}]" in drawn.partition("\n")[0]
    assert exit_code == example.exit_code


def ran(example: Example, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """What a command writes to stderr, and its exit code. Models are the real ones, but none is loaded."""
    stdin = b""
    words = shlex.split(example.program.removeprefix("$ "))
    if words[0] == "echo":
        stdin = words[1].encode()
        words = words[words.index("|") + 1 :]
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        monkeypatch.setenv(name, value)
    assert words.pop(0) == "spnl"
    done = invoke(monkeypatch, words, stdin=stdin, script=None)
    return done.err.rstrip("\n"), done.code


def drawn_for(example: Example, monkeypatch: pytest.MonkeyPatch) -> tuple[str, int]:
    """The error of a program, or its warning, as it is drawn. No model is asked for."""
    source = spnl.Source(example.file, example.program)
    try:
        run(source)
    except spnl.SpnlError as error:
        return render(error, color=False), error.exit_code
    warnings = check(source).warnings
    return "\n".join(render(warning, color=False, severity="warning") for warning in warnings), 0


def run(source: spnl.Source) -> None:
    """Run a program, or read a query, as the command would."""
    format = format_of(source.name)
    if format == "spnl":
        spnl.run(source, inputs=Inputs(io.BytesIO(), environ={}), models=NoModels())
    else:
        (read_json if format == "json" else read_yaml)(source)


class NoModels:
    """Models of which none is to be asked for."""

    def get(self, model: str, notify: object) -> None:
        raise AssertionError(f"{model} is asked for")

    is_loaded = describe = get


def rewrite(example: Example, drawn: str) -> None:
    """Put what came out into the page."""
    between = "\n" if example.kind == "sh" else "\n\n"
    heading = f"```{example.kind}-error" + (f" {example.file}" if example.file != "demo.spnl" else "")
    text = PAGE.read_text(encoding="utf-8")
    before = (
        f"{heading}\n{example.program}" + (between + example.expected if example.expected else "") + "\n```"
    )
    assert before in text
    PAGE.write_text(
        text.replace(before, f"{heading}\n{example.program}{between}{drawn}\n```", 1), encoding="utf-8"
    )
