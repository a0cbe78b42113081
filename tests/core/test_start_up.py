"""What is imported when: the command starts fast, and work without a model pays for none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import spnl

HEAVY = ("lark", "mistralrs.mistralrs", "huggingface_hub", "jinja2", "numpy", "asyncio")


def imported(*command: str, code: int = 0, stdin: str = "") -> set[str]:
    """The modules that a fresh interpreter imports, as `-X importtime` lists them."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", *command],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code, ran.stderr[-2000:]
    lines = (line for line in ran.stderr.splitlines() if line.startswith("import time:"))
    return {line.rsplit("|", 1)[1].strip() for line in lines}


def test_importing_the_package_is_light() -> None:
    """Nothing but the version: what is public is imported when it is first used."""
    own = {name for name in imported("-c", "import spnl") if name.split(".")[0] == "spnl"}
    assert own == {"spnl", "spnl.version"}


def test_the_version_needs_neither_a_reader_nor_a_model() -> None:
    seen = imported("-m", "spnl", "--version")
    assert not seen & set(HEAVY)
    assert not {name for name in seen if name.startswith(("spnl.forms", "spnl.executor", "spnl.backends"))}


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ('(seq (user "a") "b")', 0),
        ('(print "x")', 0),
        ("(seq", 3),
        ("(sqe)", 3),
        ('(g "x" (max-tokens 0))', 3),
        ('(let ((a (g "never"))) "x")', 0),
    ],
)
def test_work_without_a_model_imports_no_engine(program: str, code: int) -> None:
    """An error in a program, and a program that generates nothing."""
    seen = imported("-m", "spnl", "-c", program, code=code)
    assert "lark" in seen
    assert not seen & {"mistralrs.mistralrs", "huggingface_hub", "jinja2", "numpy"}


def test_a_run_imports_no_more_than_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of this machine that is there: nothing is fetched, and no pattern of a program is matched.

    lark would import `regex` where it is installed, as it is here.
    """
    monkeypatch.delenv("SPNL_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/no/configuration")
    seen = imported("-m", "spnl", "-q", "-c", '(g "x" (max-tokens 1))')
    assert {"lark", "mistralrs.mistralrs"} <= seen
    assert not seen & {
        "regex._main", "huggingface_hub", "httpx2", "jinja2", "psutil", "tomllib", "sqlite3", "yaml",
        "spnl.models.finding", "spnl.models.fetching", "spnl.models.hub", "spnl.config_file",
    }  # fmt: skip


def test_patterns_are_matched_in_programs() -> None:
    """The package that reading hides from lark is there for who needs it."""
    assert "regex._main" in imported("-m", "spnl", "-c", '(print (if (matches? "ab" "b") "yes" "no"))')


def test_a_bad_command_line_imports_no_reader() -> None:
    assert not imported("-m", "spnl", "rnu", code=2) & set(HEAVY)


def test_all_names_what_there_is() -> None:
    """`__all__`, what can be imported, and what type checkers are told are the same; each has a docstring."""
    assert sorted(spnl.__all__) == sorted(set(spnl._HOMES) | {"__version__"})
    assert dir(spnl) == sorted(spnl.__all__)
    for name in spnl.__all__:
        assert name == "__version__" or getattr(spnl, name).__doc__, name
    with pytest.raises(AttributeError, match="nothing"):
        spnl.nothing  # noqa: B018


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(spnl.__file__).parent / "py.typed").exists()
