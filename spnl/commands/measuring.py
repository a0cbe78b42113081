"""Running a benchmark for a command: models loaded, progress on stderr, the report on stdout."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from time import monotonic, perf_counter

from spnl.backends import pool
from spnl.backends.base import Engine
from spnl.benching.bench import Bench, Plan
from spnl.benching.report import Findings, Report
from spnl.benching.steps import Measure, Sample
from spnl.commands.options import FetchOptions, LoadingOptions, NoticeOptions
from spnl.config import read_config
from spnl.console import Console
from spnl.errors import UsageError
from spnl.frozen import Frozen
from spnl.interrupts import second_interrupt_leaves
from spnl.models.memory import resident_here
from spnl.models.names import HERE
from spnl.models.naming import resolve_model
from spnl.output_file import OutputFile
from spnl.teller import Teller

BAR_COLUMNS = 20
LINE_SECONDS = 10.0
"""How often a line says how far it is."""


class Subject(Frozen):
    """A model to measure, and how it is loaded: `changes` stand above `loading`, by variables' names."""

    model: str
    loading: LoadingOptions
    changes: Mapping[str, str] = {}

    @property
    def name(self) -> str:
        """The model's name, with what is different about its loading."""
        changed = ", ".join(f"{name.partition('_')[2].lower()}={text}" for name, text in self.changes.items())
        return f"{self.model} ({changed})" if changed else self.model

    @property
    def is_here(self) -> bool:
        """Whether the model runs in this process. Raises `ModelError`."""
        return resolve_model(self.model, read_config(os.environ)).backend == HERE


def measure(
    subjects: Sequence[Subject],
    plan: Plan,
    fetching: FetchOptions,
    notices: NoticeOptions,
    *,
    as_json: bool,
    plot: str | None,
) -> None:
    """Measure one model or two, and write the report; what there is of it after an interrupt or an error."""
    console = Console(notices.color, quiet=notices.quiet, plain=notices.plain)
    picture = OutputFile(plot) if plot is not None else None
    console.keep_stdout_to_ourselves()
    loaded = _load(subjects, Teller(console, notices.verbose), fetching)
    bench = Bench(plan, loaded)
    completed = False
    try:
        with second_interrupt_leaves():
            bench.warm_up()
            _announce(console, bench, plan)
            bench.run(_Progress(console).tell)
            completed = True
    finally:
        console.end_drawing()
        if any(findings.samples for _, findings in loaded):
            models = tuple(findings for _, findings in loaded)
            report = Report(models, plan.runs, plan.reply, bench.count, completed, resident_here())
            _write(report, console, picture, as_json)


def _load(
    subjects: Sequence[Subject], teller: Teller, fetching: FetchOptions
) -> list[tuple[Engine, Findings]]:
    """The engines, loaded one after another, with what loading took. Raises `ModelError`, `UsageError`."""
    loaded: list[tuple[Engine, Findings]] = []
    for subject in subjects:
        findings = Findings(subject.name)
        engine = _load_one(subject, findings, teller, fetching)
        if any(engine is other for other, _ in loaded):
            raise UsageError(
                "bad-option",
                f"{loaded[0][1].name} and {subject.name} are the same model, loaded in the same way",
                helps=("compare with another, or load it in another way with --vs-set NAME=VALUE",),
            )
        loaded.append((engine, findings))
    return loaded


def _load_one(subject: Subject, findings: Findings, teller: Teller, fetching: FetchOptions) -> Engine:
    loading = LoadingOptions({**subject.loading.texts, **subject.changes})
    models = pool.POOL.with_settings(loading.settings()).supplied(teller.progress, **fetching.as_dict())
    what = models.describe(subject.model, teller.wants_details)  # has the files fetched, where need be
    before, started = resident_here(), perf_counter()
    with teller.loading(subject.model, what):
        engine = models.get(subject.model, teller.notice)
    if subject.is_here:
        findings.add(0, Sample(Measure("load"), perf_counter() - started))
        findings.add(0, Sample(Measure("memory"), max(0, resident_here() - before)))
    else:
        findings.note("a server's loading and memory cannot be seen from here")
    return engine


def _announce(console: Console, bench: Bench, plan: Plan) -> None:
    runs = "1 run" if plan.runs == 1 else f"{plan.runs} runs"
    console.notice(f"{runs}, about {_duration(bench.expected_seconds)} in all; Ctrl-C shows what there is")


class _Progress:
    """Says how far a benchmark is: on a terminal a bar that is drawn again, elsewhere a line now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said_at = monotonic()

    def tell(self, what: str, share: float, left: float) -> None:
        """What comes next, the share that is done, and the seconds that are left."""
        text = f"{share:.0%}".replace("%", " %") + f", {what}, {_duration(left)} left"
        if self._console.can_draw:
            done = int(share * BAR_COLUMNS)
            self._console.live_lines().draw([f"[{'#' * done}{'.' * (BAR_COLUMNS - done)}] {text}"])
        elif monotonic() - self._said_at >= LINE_SECONDS:
            self._said_at = monotonic()
            self._console.notice(text)


def _duration(seconds: float) -> str:
    """A time that is not known exactly."""
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _write(report: Report, console: Console, picture: OutputFile | None, as_json: bool) -> None:
    """The report to stdout, and the chart into its file; what draws them is imported for what is wanted."""
    if as_json:
        import json

        from spnl.benching.records import as_data

        text = json.dumps(as_data(report), ensure_ascii=False, indent=2)
    else:
        from spnl.benching.table import table
        from spnl.visible import visible

        text = "\n".join(visible(line) for line in table(report).split("\n"))
    console.stdout.write(text.encode("utf-8", "replace") + b"\n")
    console.stdout.flush()
    if picture is not None:
        from spnl.benching.chart import chart

        picture.write(chart(report).encode("utf-8", "replace"))
        picture.commit()
