"""The generated index of forms: not stale, complete, and what keeps a start from importing every form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from spnl.forms import FORMS, _index
from tools.make_tables import index


def test_the_index_is_that_of_the_decorators() -> None:
    assert index() == Path(_index.__file__).read_text(encoding="utf-8"), "run `make tables`"


def test_every_name_leads_to_its_form() -> None:
    for name in FORMS:
        form = FORMS[name]
        assert name in (form.name, *form.aliases)


def test_a_program_imports_the_modules_of_its_own_forms() -> None:
    code = 'import sys, spnl; spnl.expand(\'(g "x")\'); print("spnl.forms.lists" in sys.modules)'
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
