"""`spnl bench`: how fast a model is on this machine, or on a server; or two of them side by side."""

from __future__ import annotations

from typing import Any

import click

from spnl.commands.options import (
    FetchOptions,
    LoadingOptions,
    NoticeOptions,
    fetch_options,
    loading_options,
    notice_options,
)
from spnl.commands.parameters import FileName, ModelName
from spnl.settings import VARIABLES

MOST_TOKENS = 1_000_000


class Lengths(click.ParamType[tuple[int, ...]]):
    """Numbers of tokens with commas between."""

    name = "lengths"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            lengths = tuple(int(word) for word in str(value).split(","))
        except ValueError:
            lengths = ()
        if not lengths or not all(1 <= length <= MOST_TOKENS for length in lengths):
            self.fail(f"{value!r} is not numbers of tokens with commas between, as in 128,512")
        return lengths


class OneSetting(click.ParamType[tuple[str, str]]):
    """`NAME=VALUE`, a setting of `spnl config` and what it takes; gives its variable's name and the value."""

    name = "setting"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        key, _, text = str(value).partition("=")
        known = {variable.key: variable for variable in VARIABLES if variable.has_flag}
        variable = known.get(key.strip().lower().replace("-", "_"))
        if variable is None:
            self.fail(f"{key!r} is no setting of how models are loaded; `spnl config` shows them")
        try:
            variable.read(text.strip())
        except (LookupError, ValueError):
            self.fail(f"{text!r} is not {variable.accepts}")
        return variable.name, text.strip()


@click.command()
@click.argument("model", metavar="MODEL", type=ModelName())
@click.option("--vs", "other", metavar="MODEL", type=ModelName(), help="Compare with this one.")
@click.option(
    "--vs-set",
    "changes",
    multiple=True,
    metavar="NAME=VALUE",
    type=OneSetting(),
    help="Load the one to compare with so; without --vs, it is the same model.",
)
@click.option(
    "--lengths",
    default=(128, 512, 1024),
    metavar="N,N…",
    type=Lengths(),
    help="Tokens of prompts (128,512,1024).",
)
@click.option(
    "--tokens",
    "reply",
    default=64,
    type=click.IntRange(2, MOST_TOKENS),
    metavar="N",
    help="Tokens of a reply, at most (64).",
)
@click.option(
    "--runs", default=5, type=click.IntRange(1, 1000), metavar="N", help="Measure everything so often (5)."
)
@click.option(
    "--parallel",
    type=click.IntRange(2, 1024),
    metavar="N",
    help="Requests at once, in place of what suits the models.",
)
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object, with every sample.")
@click.option("--plot", "plot", metavar="FILE", type=FileName(), help="Draw a chart into an SVG file.")
@loading_options
@fetch_options
@notice_options
def command(
    model: str,
    other: str | None,
    changes: tuple[tuple[str, str], ...],
    lengths: tuple[int, ...],
    reply: int,
    runs: int,
    parallel: int | None,
    as_json: bool,
    plot: str | None,
    loading: LoadingOptions,
    fetching: FetchOptions,
    notices: NoticeOptions,
) -> None:
    """Measure how fast a model is: loading, prefill, decode, what reuse gains, and many requests at once.

    MODEL is a name as programs use it, also of a server's model. With two models each step is done for both
    in turn. Ctrl-C ends it, and what was measured so far is shown.

    \b
    spnl bench tiny
    spnl bench qwen3:0.6b --vs openai/qwen3 --runs 3
    spnl bench qwen3:0.6b --vs-set prefix_cache_n=false --plot chart.svg
    """
    from spnl.benching.bench import Plan
    from spnl.commands.measuring import Subject, measure

    subjects = [Subject(model, loading)]
    if other is not None or changes:
        subjects.append(Subject(other or model, loading, dict(changes)))
    plan = Plan(lengths, reply, runs, parallel)
    measure(subjects, plan, fetching, notices, as_json=as_json, plot=plot)
