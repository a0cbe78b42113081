"""Groups of options: what a command is given of them."""

from __future__ import annotations

from typing import Any

import click
import pytest

from spnl.commands import options
from spnl.commands.options import OptionGroup
from spnl.frozen import Frozen

GROUPS = [group for group in vars(options).values() if isinstance(group, OptionGroup)]


class Pair(Frozen):
    left: int
    right: str | None


pair = OptionGroup(
    "pair",
    Pair,
    click.option("--left", type=int, default=1, help="The left."),
    click.option("--right", help="The right."),
)


def run(*args: str) -> Any:
    @click.command()
    @click.argument("before")
    @pair
    @click.option("--after", is_flag=True)
    def command(pair: Pair, before: str, after: bool) -> Any:
        """Doc."""
        return pair, before, after

    assert command.help == "Doc."
    assert [parameter.name for parameter in command.params] == ["before", "left", "right", "after"]
    return command.main(list(args), standalone_mode=False)


def test_the_values_of_a_group_are_one_record() -> None:
    assert run("x") == (Pair(1, None), "x", False)
    assert run("x", "--left", "3", "--after", "--right", "r") == (Pair(3, "r"), "x", True)


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_the_options_of_a_group_are_the_fields_of_its_record(group: OptionGroup) -> None:
    @click.command()
    @group
    def command(**values: Any) -> Any:
        return values

    assert [parameter.name for parameter in command.params] == list(group.fields)
