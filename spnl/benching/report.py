"""What a benchmark found: samples of each model, and what is made of them. Imports steps and records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Literal, NamedTuple

from spnl.benching.steps import Measure, Sample
from spnl.frozen import Frozen

Unit = Literal["s", "bytes", "tokens/s", "share", "times"]


class Meaning(NamedTuple):
    """What a measure is: its name for people, its unit, and the part of the table that it stands in."""

    label: str
    unit: Unit
    part: str


MEANINGS: Mapping[str, Meaning] = {
    "load": Meaning("load", "s", "start"),
    "memory": Meaning("memory that loading took", "bytes", "start"),
    "first_request": Meaning("first request of all, first token", "s", "start"),
    "prefill": Meaning("prefill of {length:,} tokens", "tokens/s", "prefill"),
    "decode": Meaning("decode after {length:,} tokens", "tokens/s", "decode"),
    "system_first": Meaning("new system prompt, first token", "s", "prefix"),
    "system_again": Meaning("same system prompt, first token", "s", "prefix"),
    "prefix_gain": Meaning("gain of the same prefix", "times", "prefix"),
    "system_reused": Meaning("reused of the prompt", "share", "prefix"),
    "turn_first": Meaning("first turn, first token", "s", "turns"),
    "turn_later": Meaning("later turns, first token", "s", "turns"),
    "turn_reused": Meaning("reused in later turns", "share", "turns"),
    "one_by_one": Meaning("{count} requests one by one", "tokens/s", "together"),
    "at_once": Meaning("{count} requests at once", "tokens/s", "together"),
    "together_gain": Meaning("gain of {count} at once", "times", "together"),
}
"""Every measure, in the order of the table."""


class Summary(Frozen):
    """Some samples: the middle one, and the lowest and highest."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Summary:
        """Of at least one value."""
        found = list(values)
        return cls(median(found), min(found), max(found), len(found))


class Findings:
    """What was found of one model: samples by measure and run (the first is 0), and `notes` for people."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.notes: list[str] = []
        self.samples: dict[Measure, dict[int, Sample]] = {}

    def add(self, run: int, sample: Sample) -> None:
        """One more sample."""
        self.samples.setdefault(sample.measure, {})[run] = sample

    def note(self, text: str) -> None:
        """Something that a reader of the numbers must know; said once."""
        if text not in self.notes:
            self.notes.append(text)

    def summary(self, measure: Measure) -> Summary | None:
        """The samples of a measure; None where there is none."""
        found = self.samples.get(measure)
        return Summary.of(sample.value for sample in found.values()) if found else None

    def tokens(self, measure: Measure) -> Summary | None:
        """How many tokens the samples of a measure are about, where they were counted."""
        counts = [sample.tokens for sample in self.samples.get(measure, {}).values() if sample.tokens]
        return Summary.of(counts) if counts else None


class Report(Frozen):
    """A benchmark's outcome. `models`: one, or two to compare; `runs` were asked for, `reply` tokens each.

    `count` is how many requests were at once, and `completed` whether all runs were done. `resident` is this
    process's memory at the end, in bytes.
    """

    models: tuple[Findings, ...]
    runs: int
    reply: int
    count: int
    completed: bool
    resident: int

    @property
    def measures(self) -> list[Measure]:
        """What was measured of any model, in the order of the table."""
        found = {measure for model in self.models for measure in model.samples}
        order = list(MEANINGS)
        return sorted(found, key=lambda measure: (order.index(measure.name), measure.length or 0))

    def label(self, measure: Measure) -> str:
        """What a measure is called."""
        return MEANINGS[measure.name].label.format(length=measure.length, count=self.count)

    def ratio(self, measure: Measure) -> Summary | None:
        """The second model's number over the first's, run by run; None where there are not both.

        What happens once is not compared: the second model finds a started engine, and files in memory.
        """
        if len(self.models) < 2 or MEANINGS[measure.name].part == "start":
            return None
        first, second = (model.samples.get(measure, {}) for model in self.models)
        ratios = [
            second[run].value / first[run].value for run in first if run in second and first[run].value > 0
        ]
        return Summary.of(ratios) if ratios else None
