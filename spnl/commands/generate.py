"""`spnl generate`: one question to a model, without writing a program."""

from __future__ import annotations

import sys
from typing import Any, get_args

import click

from spnl.commands.options import (
    AnswerOptions,
    ExecutionOptions,
    FetchOptions,
    KeepOptions,
    LoadingOptions,
    NoticeOptions,
    OptionGroup,
    Overrides,
    answer_options,
    execution_options,
    fetch_options,
    keep_options,
    loading_options,
    notice_options,
    overrides,
)
from spnl.commands.parameters import Number, StopText
from spnl.commands.performing import perform
from spnl.commands.timing_options import TimingOptions, timing_options
from spnl.errors import UsageError
from spnl.files import StreamText
from spnl.forms.sampling_types import MinP, Penalty, RepetitionPenalty, TopP
from spnl.frozen import Frozen
from spnl.limits import MAX_COPIES
from spnl.models.names import PREFIXES
from spnl.query import Generate, Message, Query, Repeat, Sampling, Seq


class Drawing(Frozen):
    """How to draw a reply, beyond what `Overrides` says; None and () are the model's to decide."""

    top_p: float | None
    top_k: int | None
    min_p: float | None
    stop: tuple[str, ...]
    frequency_penalty: float | None
    presence_penalty: float | None
    repetition_penalty: float | None

    def sampling(self) -> Sampling:
        """The same as the parameters of a generation."""
        return Sampling(**{**self.as_dict(), "stop": self.stop or None})


def _as_clause(clause: Any) -> Number:
    """A number as the clause of that type takes it."""
    _, bounds = get_args(clause)
    return Number(bounds.name, bounds.fits)


drawing_options = OptionGroup(
    "drawing",
    Drawing,
    click.option("--top-p", type=_as_clause(TopP), help="Draw from the likeliest tokens of this total."),
    click.option(
        "--top-k", type=click.IntRange(min=1), metavar="N", help="Draw from the N likeliest tokens."
    ),
    click.option("--min-p", type=_as_clause(MinP), help="Leave out tokens less likely than this share."),
    click.option(
        "--stop", type=StopText(), multiple=True, metavar="TEXT", help="End the reply before this text."
    ),
    click.option("--frequency-penalty", type=_as_clause(Penalty), help="Against tokens, as often as said."),
    click.option("--presence-penalty", type=_as_clause(Penalty), help="Against tokens that were said."),
    click.option(
        "--repetition-penalty", type=_as_clause(RepetitionPenalty), help="Against repetition; 1 is none."
    ),
)


@click.command()
@click.argument("prompt", required=False, metavar="[PROMPT]")
@click.option("-s", "--system", metavar="TEXT", help="What the model is told before the prompt.")
@click.option(
    "-n", "--n", "draws", type=click.IntRange(1, MAX_COPIES), default=1, help="How many replies to draw."
)
@click.option("--backend", type=click.Choice(sorted(PREFIXES)), help="What runs the model of --model.")
@overrides
@drawing_options
@loading_options
@fetch_options
@execution_options
@keep_options
@timing_options
@answer_options
@notice_options
def command(
    prompt: str | None,
    system: str | None,
    draws: int,
    backend: str | None,
    overrides: Overrides,
    drawing: Drawing,
    loading: LoadingOptions,
    fetching: FetchOptions,
    execution: ExecutionOptions,
    keep: KeepOptions,
    timing: TimingOptions,
    answer: AnswerOptions,
    notices: NoticeOptions,
) -> int:
    """Ask a model one thing and write its reply to stdout.

    What comes through a pipe is put behind PROMPT, after an empty line; without PROMPT it is the prompt.

    \b
    spnl generate "What is the capital of France?"
    spnl generate -m qwen3:0.6b -s "You are terse." "Why is the sky blue?"
    git diff | spnl generate "Write a commit message for this change."
    """

    return perform(
        lambda: _query(_prompt(prompt), system, draws, drawing.sampling()),
        (overrides.but(model=_model(backend, overrides.model)), fetching, execution, keep),
        loading,
        timing,
        answer,
        notices,
    )


def _prompt(argument: str | None) -> str:
    """What is asked: the argument, and behind it what comes through a pipe."""
    texts = [text for text in (argument, _piped()) if text]
    if not texts:
        raise UsageError(
            "bad-option", "there is no prompt", helps=('write it as in `spnl generate "Hello"`',)
        )
    return "\n\n".join(texts)


def _piped() -> str:
    """What comes through a pipe, without the line ends at its end, as a shell's `$(…)` has it."""
    stdin = sys.stdin
    if stdin is None or stdin.isatty():
        return ""
    return StreamText("stdin", lambda: stdin.buffer, None, keep_open=True).read().rstrip("\n")


def _model(backend: str | None, model: str | None) -> str | None:
    """The model's name with the backend's prefix, unless it has one."""
    if backend is None:
        return model
    if model is None:
        raise UsageError("bad-option", "--backend needs a model", helps=("name it with --model NAME",))
    return model if model.startswith(f"{backend}/") else f"{backend}/{model}"


def _query(prompt: str, system: str | None, draws: int, sampling: Sampling) -> Query:
    asked = Message("user", prompt)
    messages = asked if not system else Seq((Message("system", system), asked))
    generation = Generate(None, messages, sampling)
    return generation if draws == 1 else Repeat(draws, generation)
