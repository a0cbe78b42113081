"""What shells offer while a command is typed: asked of the real command, through click's protocol."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spnl.cli import COMMANDS

BIN = Path(sys.executable).parent


def _run(arguments: list[str], **variables: str) -> str:
    environ = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **variables}
    done = subprocess.run(arguments, env=environ, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done.stdout


def _offered(*words: str) -> list[str]:
    """What completes the last of the words after `spnl`, as click tells zsh: type, word, help."""
    line = " ".join(["spnl", *words])
    told = _run(
        ["spnl"], _SPNL_COMPLETE="zsh_complete", COMP_WORDS=line, COMP_CWORD=str(len(words))
    ).splitlines()
    return [f"{kind} {word}" for kind, word in zip(told[::3], told[1::3], strict=True)]


def test_the_first_word_may_become_any_command() -> None:
    assert _offered("") == [f"plain {name}" for name in COMMANDS]
    assert _offered("ru") == ["plain run"]
    assert _offered("--ver") == ["plain --version"]


def test_a_first_word_that_begins_no_command_is_a_file() -> None:
    assert _offered("./exam") == ["file ./exam"]


@pytest.mark.parametrize("before", [["run"], ["program.spnl"], ["run", "-c", "'(g'"], ["nonsense"]])
def test_options_of_run_with_and_without_its_name(before: list[str]) -> None:
    assert _offered(*before, "--temp") == ["plain --temperature"]


@pytest.mark.parametrize("words", ["run ", "run -f ", "check ", "fmt a.spnl ", "plan ", "convert "])
def test_programs_are_files(words: str) -> None:
    assert _offered(*words.split(" ")) == ["file "]


@pytest.mark.parametrize("words", ["run --model ti", "run -m ti", "show ti"])
def test_models_are_those_on_this_machine(words: str) -> None:
    assert _offered(*words.split()) == ["plain tiny"]


@pytest.mark.parametrize("words", ["show ./mod", "run --model ./mod"])
def test_a_model_may_be_a_file(words: str) -> None:
    assert _offered(*words.split()) == ["file ./mod"]


def test_bash_completes_a_command() -> None:
    script = (
        'eval "$(_SPNL_COMPLETE=bash_source spnl)"; COMP_WORDS=(spnl conv); COMP_CWORD=1;'
        ' _spnl_completion spnl; echo "${COMPREPLY[@]}"'
    )
    assert _run(["bash", "-c", script]) == "convert\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_has_a_script(shell: str) -> None:
    assert "_SPNL_COMPLETE" in _run(["spnl"], _SPNL_COMPLETE=f"{shell}_source")
