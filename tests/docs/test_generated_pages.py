"""The pages that `tools/make_docs.py` generates are current, and every example in them runs."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

import spnl
from spnl.forms import FORMS
from spnl.inputs import Inputs
from tools import make_docs


@pytest.mark.parametrize("name", make_docs.PAGES)
def test_page_is_current(name: str) -> None:
    page: Callable[[], str] = make_docs.PAGES[name]
    assert (make_docs.DOCS / name).read_text(encoding="utf-8") == page(), "run `python tools/make_docs.py`"


def test_every_form_has_an_example_in_the_page() -> None:
    for form in set(FORMS.values()):
        assert any(map(make_docs.is_example, form.doc.split("\n\n"))), form.name


def test_examples_that_read_stdin_run_through_a_pipe() -> None:
    """They are shown as text, so that the test which runs all programs of the documents leaves them out."""
    examples = [part for form in set(FORMS.values()) for part in form.doc.split("\n\n")]
    piped = [part for part in examples if make_docs.is_example(part) and make_docs.fence(part) == "text"]
    assert piped
    for example in piped:
        inputs = Inputs(io.BytesIO(b"France\n"))
        assert spnl.run(example, model="mistralrs/tiny", inputs=inputs, max_tokens=100).text
