"""What a run decides for every generation: which model and which sampling, from flag, clause and default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spnl.errors import ProgramError, UsageError
from spnl.frozen import Frozen
from spnl.query import Sampling, Think
from spnl.source import Span

DEFAULT_MODEL = "mistralrs/tiny"
DEFAULT_TEMPERATURE = 0.6
DEFAULT_MAX_TOKENS = 2048
_NOTHING_SAID = Sampling()


class RunOptions(Frozen):
    """What a run sets: overrides replace what the program says, defaults fill in what it does not.

    `parallel` is how many generations run at once at most, where that is not left to the engine. `timeout` is
    how many seconds the whole run may take. With `keep_going`, what fails is put where the answer would be,
    and the rest goes on. With `partial`, what is complete is written where the run is stopped.
    """

    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    think: Think | None = None
    default_model: str | None = None
    default_sampling: Sampling = _NOTHING_SAID
    seed: int | None = None
    parallel: int | None = None
    timeout: float | None = None
    keep_going: bool = False
    partial: bool = False


def read_parallel(environ: Mapping[str, str], configured: int | None) -> int | None:
    """How many generations may run at once: `SPNL_NUM_PARALLEL`, or else what is configured.

    A `UsageError` `bad-variable` where the variable makes no sense.
    """
    text = environ.get("SPNL_NUM_PARALLEL", "").strip()
    if not text:
        return configured
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise UsageError(
            "bad-variable",
            f"the environment variable SPNL_NUM_PARALLEL is {text[:40]!r}, "
            "which is not a whole number, at least 1",
        )
    return int(text)


class Resolver:
    """Resolves each generation's model and sampling, and says once what it replaced or chose.

    `takes_seed` says whether a model does.
    """

    def __init__(
        self,
        options: RunOptions,
        notice: Callable[[str], None],
        takes_seed: Callable[[str], bool] = lambda model: True,
    ) -> None:
        self.options = options
        self.notice = notice
        self._takes_seed = takes_seed
        self._replaced: dict[str, set[Any]] = {}
        self._told_default = False
        self._last: tuple[Sampling, Sampling] | None = None
        """What was resolved last, and to what: all of a `map` have the same."""

    def model(self, named: str | None) -> str:
        """The model to use where the program names `named`."""
        if self.options.model is not None:
            self._note_replaced("--model", "models", named)
            return self.options.model
        if named is not None:
            return named
        if self.options.default_model is not None:
            return self.options.default_model
        if not self._told_default:
            self._told_default = True
            self.notice(
                "no model is named: using `tiny`, the bundled demonstration and test model; "
                'choose another with --model NAME, SPNL_MODEL, or (model "NAME")'
            )
        return DEFAULT_MODEL

    def is_named_by_program(self, named: str | None) -> bool:
        """Whether a model is the program's own choice, so that an error about it has a place there."""
        return named is not None and self.options.model is None

    def sampling(self, sampling: Sampling) -> Sampling:
        """The sampling to use: overrides in place, temperature and max-tokens always set."""
        if self._last is None or self._last[0] is not sampling:
            self._last = sampling, self._resolved(sampling)
        return self._last[1]

    def _resolved(self, sampling: Sampling) -> Sampling:
        if self.options.default_sampling is not _NOTHING_SAID:
            sampling = self.options.default_sampling.but(**sampling.given())
        temperature, max_tokens = sampling.temperature, sampling.max_tokens
        if self.options.temperature is not None:
            self._note_replaced("--temperature", "temperatures", temperature)
            temperature = self.options.temperature
        if self.options.max_tokens is not None:
            self._note_replaced("--max-tokens", "max-tokens", max_tokens)
            max_tokens = self.options.max_tokens
        if temperature is None:
            temperature = DEFAULT_TEMPERATURE
        seed = sampling.seed if self.options.seed is None else self.options.seed
        return sampling.but(
            temperature=temperature,
            max_tokens=DEFAULT_MAX_TOKENS if max_tokens is None else max_tokens,
            think=sampling.think if self.options.think is None else self.options.think,
            # At temperature 0 there is nothing to draw.
            seed=None if temperature == 0 else seed,
        )

    def draw(self, sampling: Sampling, model: str, number: int, span: Span | None) -> Sampling:
        """The sampling to use for one of several draws, counted from 0: each has its own seed, as in vLLM.

        Raises a `ProgramError` `no-seed`, at `span`, where the model takes none.
        """
        sampling = self.sampling(sampling)
        if sampling.seed is None:
            return sampling
        if not self._takes_seed(model):
            raise ProgramError(
                "no-seed",
                f"{model} takes no seed",
                span=span,
                notes=("neither do other models of this machine, nor those of gemini/",),
                helps=(
                    "leave the seed out; for the same reply every time, use (temperature 0)",
                    "to keep what was drawn, use --journal FILE or --cache",
                ),
            )
        return sampling.but(seed=(sampling.seed + number) % 2**31)

    def _note_replaced(self, flag: str, what: str, value: Any) -> None:
        """One note, when a flag has replaced more than one distinct value of the program."""
        if value is None:
            return
        seen = self._replaced.setdefault(flag, set())
        if value not in seen:
            seen.add(value)
            if len(seen) == 2:
                self.notice(f"{flag} replaces several different {what} of this program")
