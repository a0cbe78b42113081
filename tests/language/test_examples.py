"""Every form is documented, and every example in its documentation runs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from scripted import ScriptedEngine, ScriptedModels

import spnl
from spnl.forms import FORMS, Form
from spnl.inputs import Inputs
from spnl.source import Source

EXAMPLES = str(Path(__file__).parents[2] / "examples")

DESIGNED = """
generate g system user assistant seq cross par plus zip monad repeat map
file ask stdin lines json jsonl csv env arg take chunk prefix split join trim length list range filter
first rest nth get number code format concat = < > <= >= not and or contains? starts-with? ends-with?
matches? empty? if let define lambda foreach import try extract combine print + - * / min max round mod
reverse sort unique upper lower replace
"""
"""The forms that every program can count on."""

ALL = sorted({form.name: form for form in FORMS.values()}.items())


def examples(form: Form) -> list[str]:
    """The paragraphs of a form's documentation that are programs."""
    return [part for part in form.doc.split("\n\n") if part.startswith("(")]


def test_the_forms_are_all_there() -> None:
    missing = set(DESIGNED.split()) - set(FORMS)
    assert not missing


@pytest.mark.parametrize("form", [form for _, form in ALL], ids=[name for name, _ in ALL])
def test_a_form_is_documented(form: Form) -> None:
    help, *_ = form.doc.split("\n")
    assert help.endswith(".")
    assert examples(form), "a form has an example"
    assert form.name in form.signature
    assert any(form.name in example for example in examples(form)), "an example shows the form itself"


@pytest.mark.parametrize(
    "example",
    [pytest.param(text, id=f"{name}-{i}") for name, form in ALL for i, text in enumerate(examples(form))],
)
def test_an_example_runs(example: str) -> None:
    answer = spnl.run(
        Source("example", example, EXAMPLES),
        inputs=Inputs(io.BytesIO(b"France\n"), io.StringIO(), {}),
        models=ScriptedModels(ScriptedEngine()),
    )
    assert answer.text


def test_parameters_are_named_in_the_language() -> None:
    for _, form in ALL:
        if form.special is None:
            for param in form.params:
                assert "_" not in param.name
                assert param.type.name
