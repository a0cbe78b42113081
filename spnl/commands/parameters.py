"""Types of words on the command line: what each accepts, and what a shell offers to complete it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Definition(click.ParamType[tuple[str, str]]):
    """`name=value`."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """The name and the text after the first `=`."""
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not (name and equals):
            self.fail(f"{value!r} is not of the form name=value")
        return name, text


class Number(click.ParamType[float]):
    """A finite number that `fits`; `described` says which do, in words."""

    name = "number"

    def __init__(self, described: str, fits: Callable[[float], bool]) -> None:
        self._described = described
        self._fits = fits

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not (math.isfinite(number) and self._fits(number)):
            self.fail(f"{value!r} is not {self._described}")
        return number


TEMPERATURE = Number("a number, at least 0", lambda number: number >= 0)


SECONDS = Number(
    "a number of seconds, above 0 and at most a thousand million", lambda number: 0 < number <= 1e9
)


def number_up_to(most: float, unit: str, *, above: bool = False) -> Number:
    """A number of some unit from 0, or from above it, to the most that it may be."""
    least = "above 0" if above else "at least 0"
    return Number(
        f"a number of {unit}, {least} and at most {most:g}",
        lambda number: (number > 0 or not above) and 0 <= number <= most,
    )


class StopText(click.ParamType[str]):
    """A text before which a reply ends."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value:
            self.fail("an empty text would stop every reply at once")
        return str(value)


class FileName(click.ParamType[str]):
    """A file's name, as it stands: whether there is such a file is for the command to say."""

    name = "file"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Files, which the shell itself knows best."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


class ModelName(click.ParamType[str]):
    """A model's name, as it stands."""

    name = "model"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The models that are on this machine; where none begins so, files."""
        from click.shell_completion import CompletionItem

        from spnl.models.cache import cache_folder
        from spnl.models.inventory import models_here

        names = (model.name for model in models_here(cache_folder(os.environ)))
        found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")]
