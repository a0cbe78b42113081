"""No program, however odd, makes anything but an answer or an error of ours."""

from __future__ import annotations

import io
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted import ScriptedEngine, ScriptedModels

import spnl
from spnl.forms import FORMS
from spnl.inputs import Inputs
from spnl.source import Source

DATA = str(Path(__file__).parent / "data")

atoms = st.sampled_from(
    [
        *('"a"', '""', '"a b"', '"1,2\\n3"', '"{}"', '"{x}"', '"[1, {\\"a\\": null}]"', '"(a+)+"', '"FAIL"'),
        *(
            '"facts.txt"',
            '"cities.csv"',
            '"mixed.jsonl"',
            '"private.spnl"',
            '"country"',
            '","',
            "0",
            "1",
            "2",
        ),
        *("-1", "0.5", "1e300", "#t", "#f", "x", "y", "f", "z", "upper", "empty?", "g", "+", "list", "get"),
    ]
)
heads = st.sampled_from([*FORMS, "f", "z", "x"])
clauses = st.sampled_from(
    sorted({name for form in FORMS.values() if not form.special for name in form.clauses})
)


def _forms(inside: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(inside, max_size=3).map(" ".join)
    return st.one_of(
        st.builds("({} {})".format, heads, some),
        st.builds("({} {})".format, heads, some),
        st.builds("({} ({} {}) {})".format, heads, clauses, inside, some),
        st.builds("(let ((x {})) {})".format, inside, inside),
        st.builds("(foreach y {} {})".format, inside, inside),
        st.builds("(lambda (x) {})".format, inside),
        st.builds("(if {} {} {})".format, inside, inside, inside),
        st.builds(
            '(file "{}")'.format, st.sampled_from(["facts.txt", "cities.csv", "config.json", "empty.txt"])
        ),
        st.just('(g "x")'),
        st.just('(list (g "x") "y")'),
        st.just('(record "a" (g "x"))'),
    )


programs = st.builds(
    "(define (f x) {}) (define z {}) {}".format,
    st.recursive(atoms, _forms, max_leaves=4),
    st.recursive(atoms, _forms, max_leaves=4),
    st.recursive(atoms, _forms, max_leaves=14),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(programs)
def test_a_program_answers_or_says_what_is_wrong(program: str) -> None:
    engine = ScriptedEngine()
    with patch("spnl.forms.patterns.TIME_LIMIT", 0.2), patch("spnl.forms.lists.MAX_RANGE", 1000):
        try:
            answer = spnl.run(
                Source("program", program, DATA),
                arguments={"country": "Italy"},
                inputs=Inputs(io.BytesIO(b"France\n"), io.StringIO(), {}),
                models=ScriptedModels(engine),
            )
        except spnl.SpnlError as error:
            assert error.message and error.id
        else:
            answer.text.encode()
