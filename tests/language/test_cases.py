"""The language, by cases: programs, each with what it answers, asks and complains of.

A file in `cases/` holds cases between lines `--- name`. A case is a program, then what is expected of it:

    ;=> a line of the answer
    ;?  a request: its messages, where the case says which there are
    ;!  a line of the error, as it is shown

`SPNL_REWRITE_GOLDENS=1` writes what comes out into the files, to be read in the diff. Never in CI.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest
from goldens import REWRITE
from scripted import ScriptedEngine, ScriptedModels

import spnl
from spnl.backends.base import Request
from spnl.diagnostics import render
from spnl.errors import GenerationError, SpnlError
from spnl.inputs import Inputs
from spnl.source import Source

HERE = Path(__file__).parent
DATA = str(HERE / "data")


class Case(NamedTuple):
    """One program and what is expected of it."""

    file: Path
    name: str
    program: str
    expected: list[str]


def read_cases(file: Path) -> list[Case]:
    """The cases of a file, in order."""
    cases: list[Case] = []
    for chunk in f"\n{file.read_text(encoding='utf-8')}".split("\n--- ")[1:]:
        name, *lines = chunk.rstrip("\n").split("\n")
        expected = [line for line in lines if line.startswith((";=>", ";?", ";!"))]
        program = [line for line in lines if line not in expected]
        cases.append(Case(file, name, "\n".join(program), expected))
    return cases


CASES = [case for file in sorted((HERE / "cases").glob("*.spnl")) for case in read_cases(file)]


def reply(request: Request) -> str:
    """Say what the last message says; fail where that is `FAIL`."""
    text = request.messages[-1][1]
    if text == "FAIL":
        raise GenerationError("engine-failed", "the model failed, as it was told to")
    return text


def outcome(case: Case) -> list[str]:
    """What a case comes to, in the way its file says it."""
    engine = ScriptedEngine(reply)
    try:
        with patch("spnl.forms.patterns.TIME_LIMIT", 0.2):
            answer = spnl.run(
                Source("case", case.program, DATA),
                arguments={"country": "Italy"},
                inputs=Inputs(io.BytesIO(b"France\nSpain\n"), io.StringIO(), {"COUNTRY": "Spain"}),
                models=ScriptedModels(engine),
            )
        came_to = [f";=> {line}".rstrip() for line in answer.text.split("\n")]
    except SpnlError as error:
        came_to = [f";! {line}".rstrip() for line in render(error, color=False).split("\n")]
    came_to = [line.replace(DATA + os.sep, "").replace(DATA, "DATA") for line in came_to]
    if not any(line.startswith(";?") for line in case.expected):
        return came_to
    asked = [
        " | ".join(f"{role}: {text!r}" for role, text in request.messages) for request in engine.requests
    ]
    return came_to + [f";? {line}" for line in asked or ["nothing"]]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.file.stem}-{case.name}" for case in CASES])
def test_case(case: Case) -> None:
    assert case.expected, "a case says what it expects"
    assert outcome(case) == case.expected


def test_names_are_unique() -> None:
    names = [(case.file, case.name) for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.skipif(not REWRITE, reason="only where goldens are rewritten")
def test_rewrite_goldens() -> None:
    for file in {case.file for case in CASES}:
        texts = []
        for case in read_cases(file):
            texts.append(f"--- {case.name}\n" + "\n".join([case.program, *outcome(case)]) + "\n")
        file.write_text("\n".join(texts), encoding="utf-8", newline="\n")
