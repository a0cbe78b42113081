"""`docs/models.md`: what its tables name is there: variables, errors, tests, and commands that parse."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from spnl import cli
from spnl.settings import VARIABLES, Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
ERRORS = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
}
ABSENT = ("flash attention", "token healing", "image generation")


def rows(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, without its head."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line] for line in lines[2:]]


SETTINGS, TROUBLES = rows("The engine's variables"), rows("When something is wrong")
COMMANDS = re.findall(r"`spnl ([^`]+)`", " ".join(cell for row in TROUBLES for cell in row))


def test_every_variable_has_its_row_and_every_row_its_variable() -> None:
    named = [name for row in SETTINGS for name in re.findall(r"`(MISTRALRS_\w+)`", row[0])]
    assert sorted(named) == sorted(variable.name for variable in VARIABLES)
    others = {row[0] for row in SETTINGS if "MISTRALRS_" not in row[0]}
    assert others == {"`HF_HOME`", "`HF_TOKEN`", *ABSENT}


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_defaults_are_those_of_the_page(variable: object) -> None:
    name, field = variable.name, variable.field  # type: ignore[attr-defined]
    (row,) = (row for row in SETTINGS if f"`{name}`" in row[0])
    shown = re.fullmatch(r"`([^`]+)`", row[1])
    default = Settings().as_dict()[field]
    assert (shown[1] if shown else None) == (None if default in (None, False) else str(default))


@pytest.mark.parametrize("row", [*SETTINGS, *TROUBLES], ids=lambda row: row[0])
def test_every_row_names_a_test_that_is_there(row: list[str]) -> None:
    assert row[-1].strip("`") in TESTS


@pytest.mark.parametrize("row", TROUBLES, ids=lambda row: row[0])
def test_what_a_row_names_exists(row: list[str]) -> None:
    known = {variable.name for variable in VARIABLES} | {"HF_HOME", "HF_TOKEN"}
    assert set(re.findall(r"`([A-Z][A-Z_]+)", " ".join(row))) <= known
    for id in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", row[0]):
        assert f"\n### `{id}`\n" in ERRORS


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(line: str) -> None:
    name, *words = shlex.split(line)
    command = cli.spnl.get_command(click.Context(cli.spnl), name)
    assert command is not None
    command.make_context(name, words)


def test_what_is_not_to_be_had_is_no_option() -> None:
    """Neither here nor in the engine; here is where a row is to be changed when that changes."""
    from spnl.backends.mistralrs.native import load_module

    engine = load_module(Settings())
    taken = f"{engine.Runner.__text_signature__} {engine.ChatCompletionRequest.__text_signature__}"
    assert "paged_attn" in taken and "temperature" in taken
    ours = " ".join(variable.key for variable in VARIABLES)
    for absent, word in zip(ABSENT, ("flash", "heal", "image"), strict=True):
        row = next(row for row in SETTINGS if row[0] == absent)
        assert row[1].startswith("not to be had")
        assert word not in ours
        assert word not in taken
