"""Figures: what was measured, what it may be, and how they are printed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measurement. `bound` is None where it is only for information; `at_least` turns the bound round."""

    name: str
    value: float
    unit: str = ""
    bound: float | None = None
    at_least: bool = False

    @property
    def within(self) -> bool:
        """Whether the value keeps its bound."""
        if self.bound is None:
            return True
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        shown = f"{self.name:<68} {self.value:>10.3f} {self.unit:<6}"
        if self.bound is None:
            return shown.rstrip()
        sign = ">=" if self.at_least else "<="
        return f"{shown} {sign} {self.bound:<6g} {'within' if self.within else 'OVER'}"


def seconds(action: Callable[[], object]) -> float:
    """How long an action takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def processor_seconds(action: Callable[[], object]) -> float:
    """How long the processor works on an action in this process, whatever else it has to do."""
    started = time.process_time()
    action()
    return time.process_time() - started


def rounds(
    actions: Sequence[Callable[[], object]],
    count: int,
    warmups: int = 1,
    before: Callable[[], object] = lambda: None,
) -> list[list[float]]:
    """Time several actions in turn, `count` times over, so that a machine's drift strikes all alike.

    Every other round goes backwards, because it matters what an action comes after: a pause, or work. Gives
    the times of each action, in seconds, after `warmups` rounds that do not count. `before` is called before
    each action, and takes no part in its time.
    """
    times: list[list[float]] = [[] for _ in actions]
    for round_number in range(warmups + count):
        pairs = list(zip(actions, times, strict=True))
        for action, kept in reversed(pairs) if round_number % 2 else pairs:
            before()
            taken = seconds(action)
            if round_number >= warmups:
                kept.append(taken)
    return times


def median_ratio(one: Sequence[float], other: Sequence[float]) -> float:
    """The median of the pairwise ratios of two measurements that were taken in turn."""
    return statistics.median(a / b for a, b in zip(one, other, strict=True))
