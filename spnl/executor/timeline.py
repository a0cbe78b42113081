"""When things happened in a run: loads, and how long each generation waited and took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from spnl.executor.jobs import Job
from spnl.executor.results import Load, Times


class Timeline:
    """The clock of a run, which starts when it is made, and the loads so far."""

    def __init__(self) -> None:
        self._began = perf_counter()
        self.loads: list[Load] = []

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return perf_counter() - self._began

    @contextmanager
    def loading(self, model: str) -> Iterator[None]:
        """Surrounds the loading of a model; one that fails is none."""
        began = self.seconds
        yield
        self.loads.append(Load(model, began, self.seconds - began))

    def of(self, job: Job) -> Times:
        """The times of a job whose last piece has just come."""
        now = perf_counter()
        submitted, asked = job.submitted - self._began, job.started - self._began
        loading = sum([load.seconds for load in self.loads if submitted <= load.began < asked])
        return Times(
            first_token=(job.first if job.first is not None else now) - job.started,
            total=now - job.started,
            asked=asked,
            waited=max(asked - submitted - loading, 0.0),
        )
