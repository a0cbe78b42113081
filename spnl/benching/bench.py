"""Running a benchmark: warm-up, then the steps, run after run, the models in turns.

Two models take turns at every step, the other one first in every other run, so that a machine that gets
slower or faster meanwhile does so for both. Imports the other modules of this package, and errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from time import perf_counter

from spnl.backends.base import Engine, worth
from spnl.benching.asking import Asker, Clock, Timed
from spnl.benching.prompts import PROBES, Prompts, question
from spnl.benching.report import Findings
from spnl.benching.steps import Alone, Measure, SameSystem, Sample, Step, Together, Turns
from spnl.errors import ProgramError, SpnlError
from spnl.frozen import Frozen

MOST_AT_ONCE = 16
WARM_UP_REPLY = 8
_ROLE_REFUSED = ("request-refused", "no-chat-template", "template-refused")

Tell = Callable[[str, float, float], None]
"""Told before each step: what comes, the share of the work that is done (0 to 1), and the seconds left."""


class Plan(Frozen):
    """What to measure: prompts of these lengths, replies of at most `reply` tokens, `runs` times.

    `parallel` is how many requests are made at once; None is what suits the models.
    """

    lengths: tuple[int, ...] = (128, 512, 1024)
    reply: int = 64
    runs: int = 5
    parallel: int | None = None

    def steps(self, count: int) -> list[Step]:
        """The steps of a run, with `count` requests at once."""
        lengths = sorted(set(self.lengths))
        return [
            *(Alone(length, self.reply) for length in lengths),
            SameSystem(lengths[len(lengths) // 2]),
            Turns(lengths[0]),
            Together(lengths[0], self.reply, count),
        ]


class Bench:
    """One benchmark of one or two engines, with what was found of each so far."""

    def __init__(
        self,
        plan: Plan,
        engines: Sequence[tuple[Engine, Findings]],
        clock: Clock = perf_counter,
        random: Random | None = None,
    ) -> None:
        self.count = plan.parallel or _at_once([engine for engine, _ in engines])
        self._plan = plan
        self._steps = plan.steps(self.count)
        self._models = [(Asker(engine, clock), findings) for engine, findings in engines]
        self._prompts = Prompts(random or Random())
        self._too_long: set[tuple[Asker, Step]] = set()
        self._seconds: list[float] = [0.0 for _ in self._steps]
        """How long each step is expected to take for all models together."""

    @property
    def expected_seconds(self) -> float:
        """How long all runs will take, as the warm-up suggests."""
        return sum(self._seconds) * self._plan.runs

    def warm_up(self) -> None:
        """Two requests to each model, of which only the first one's time is told; raises `SpnlError`s.

        They show how many tokens a word is, and how fast about the models are.
        """
        texts = [self._prompts.of_words(count) for count in PROBES]
        for number, (asker, findings) in enumerate(self._models):
            few = _first(asker, findings, texts[0])
            many = asker.ask((("system", texts[1]), ("user", question(0))), WARM_UP_REPLY)
            findings.add(0, Sample(Measure("first_request"), few.first_token_seconds))
            if not many.usage.prompt_tokens:
                findings.note("it does not count tokens: no speeds can be told")
            if number == 0:
                self._prompts.fit(few.usage.prompt_tokens, many.usage.prompt_tokens)
            self._expect(many)

    def run(self, tell: Tell) -> None:
        """All runs. What is found stands in the findings at once, so that an interrupt leaves it there."""
        try:
            for run in range(self._plan.runs):
                self._run_once(run, tell)
        finally:
            for _, findings in self._models:
                _note_what_is_short(findings, self._plan.reply)

    def _run_once(self, run: int, tell: Tell) -> None:
        turns = self._models if run % 2 == 0 else self._models[::-1]
        for index, step in enumerate(self._steps):
            tell(f"run {run + 1} of {self._plan.runs}: {step.what}", *self._done(run, index))
            texts = step.texts(self._prompts)
            for asker, findings in turns:
                self._measure(run, step, asker, findings, texts)

    def _measure(self, run: int, step: Step, asker: Asker, findings: Findings, texts: Sequence[str]) -> None:
        """One step of one model; a prompt that is too long for it is noted, and not tried again."""
        if (asker, step) in self._too_long:
            return
        try:
            for sample in step.samples(asker, texts):
                findings.add(run, sample)
        except ProgramError as error:
            if error.id != "prompt-too-long":
                raise
            self._too_long.add((asker, step))
            findings.note(f"left out: {step.what}: longer than its context")

    def _expect(self, seen: Timed) -> None:
        """Add to what the steps will take what one more model takes, which has been seen at work."""
        read = seen.first_token_seconds / (seen.usage.prompt_tokens or PROBES[1])
        made = (seen.ended - seen.first) / max(seen.usage.completion_tokens - 1, 1)
        for index, step in enumerate(self._steps):
            prompt, reply = step.tokens
            self._seconds[index] += prompt * read + reply * made

    def _done(self, run: int, index: int) -> tuple[float, float]:
        """The share that is done before a step, and the seconds that are left."""
        done = run * sum(self._seconds) + sum(self._seconds[:index])
        whole = self.expected_seconds
        return (done / whole if whole else 0.0), whole - done


def _at_once(engines: Sequence[Engine]) -> int:
    """How many requests at once suit all engines: at least two, or there is nothing to compare."""
    return max(2, min(MOST_AT_ONCE, *map(worth, engines)))


def _first(asker: Asker, findings: Findings, text: str) -> Timed:
    """The first reply of a model, which also shows what it does not take."""
    messages = (("system", text), ("user", question(0)))
    while True:
        try:
            return asker.ask(messages, WARM_UP_REPLY)
        except SpnlError as error:
            if error.id in ("bad-sampling", "request-refused") and asker.goes_on:
                asker.goes_on = False
                findings.note("it does not take `ignore-eos`: replies end where the model ends them")
            elif error.id in _ROLE_REFUSED and not asker.is_flat:
                asker.is_flat = True
                findings.note("it takes no system message: everything was asked in one user message")
            else:
                raise


def _note_what_is_short(findings: Findings, reply: int) -> None:
    """Say where replies ended before they were as long as asked for, and where nothing was reused."""
    counts = [sample.tokens for sample in _all(findings, "decode") if sample.tokens]
    if counts and min(counts) < reply:
        findings.note(f"replies ended early: {min(counts)} to {max(counts)} tokens of {reply}")
    shares = [*_all(findings, "system_reused"), *_all(findings, "turn_reused")]
    if shares and not any(sample.value for sample in shares):
        findings.note("it tells of no token that it reused")


def _all(findings: Findings, name: str) -> list[Sample]:
    return [
        sample
        for measure, samples in findings.samples.items()
        if measure.name == name
        for sample in samples.values()
    ]
