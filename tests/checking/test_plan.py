"""`spnl plan`: the tree after each stage, and how much a program asks for, without a model."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import spnl
from spnl import cli
from spnl.planner import draw, measure, plan_query, plan_syntax

PROGRAM = """(let ((a (g "one" (max-tokens 10))))
  (seq (g (cross (system "Be brief.") a) (temperature 0))
       (repeat 3 (g a (max-tokens 5)))
       (if (contains? a "x") "y" "z")
       (map (inputs "p" "q") (max-tokens 7))))"""

DRAWN = """\
seq
├─ generate  the default model, temperature 0
│  └─ cross
│     ├─ system  "Be brief."
│     └─ `a`  shared
│        └─ generate  the default model, max-tokens 10
│           └─ user  "one"
├─ repeat  3 draws
│  └─ generate  the default model, max-tokens 5
│     └─ `a`  shared, as above
├─ if  known at run time
│  └─ contains?  known at run time
│     └─ `a`  shared, as above
└─ map  2 inputs, the default model, max-tokens 7"""


def test_a_query_is_drawn_with_what_is_shared_and_what_is_not_known() -> None:
    assert draw(plan_query(spnl.expand(PROGRAM))) == DRAWN


def test_sizes_count_what_is_shared_once() -> None:
    sizes = measure(spnl.expand(PROGRAM))
    assert sizes.generations == 1 + 1 + 3 + 2
    assert sizes.tokens == 10 + 2048 + 3 * 5 + 2 * 7
    assert sizes.steps == 2


def test_syntax_is_drawn_as_it_was_read() -> None:
    drawn = draw(plan_syntax(spnl.parse('(seq "a" ((lambda (x) x) 3))')))
    assert drawn.splitlines()[:4] == ["program", "└─ seq", '   ├─ "a"', "   └─ ()"]


def test_stages_differ(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    program = '(seq (seq "a" "") "b")'
    for stage, lines in (("query", 5), ("optimized", 3)):
        assert cli.run(["plan", "--stage", stage, "-c", program]) == 0
        assert len(capfdbinary.readouterr().out.decode().partition("\n\n")[0].splitlines()) == lines


def test_plans_as_data(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert cli.run(["plan", "--format", "json", "-c", '(g "a")']) == 0
    data = json.loads(capfdbinary.readouterr().out)
    assert data["plan"]["children"] == [{"name": "user", "detail": '"a"', "place": "-c:1:4"}]
    assert data["sizes"] == {"generations": 1, "tokens": 2048, "steps": 0}
    assert cli.run(["plan", "--format", "mermaid", "-c", '(user "<b>")']) == 0
    assert capfdbinary.readouterr().out == b'flowchart TD\n    n0["user<br/>&quot;&lt;b&gt;&quot;"]\n'


def test_no_model_is_loaded() -> None:
    code = (
        "import sys; from spnl.cli import run; run(['plan', '-c', '(g 1)']); "
        "sys.exit('mistralrs' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
