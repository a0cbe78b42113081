"""A report as a table for people. Imports the report, units and widths."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from spnl.benching.report import MEANINGS, Findings, Report
from spnl.benching.steps import Measure
from spnl.benching.units import digits, with_spread
from spnl.models.files import size_of
from spnl.width import columns

NOT_MEASURED = "-"


def table(report: Report) -> str:
    """The report: a line a measure, the models side by side, and below what the numbers are about."""
    rows = [("", *_names(report))]
    for _, part in groupby(report.measures, lambda measure: MEANINGS[measure.name].part):
        rows += [("",) * len(rows[0]), *(_row(report, measure) for measure in part)]
    return "\n".join([*_aligned(rows), "", *_below(report)])


def _names(report: Report) -> list[str]:
    """The heads of the columns: each model has two, and the ratio has."""
    heads = [model.name for model in report.models] + (["second to first"] if len(report.models) > 1 else [])
    return [cell for head in heads for cell in (head, "")]


def _row(report: Report, measure: Measure) -> tuple[str, ...]:
    unit = MEANINGS[measure.name].unit
    cells = [report.label(measure)]
    for model in report.models:
        summary = model.summary(measure)
        cells += with_spread(summary, unit) if summary is not None else (NOT_MEASURED, "")
    if len(report.models) > 1:
        ratio = report.ratio(measure) if unit != "share" else None
        spread = f"({digits(ratio.low)} to {digits(ratio.high)})" if ratio and ratio.count > 1 else ""
        cells += [digits(ratio.median) if ratio is not None else "", spread]
    return tuple(cells)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines in which columns stand below each other; the head of a model stands over both of its columns."""
    head, *others = rows
    widths = [max(columns(row[index]) for row in others) for index in range(len(head))]
    for index in range(1, len(head), 2):
        widths[index + 1] = max(widths[index + 1], columns(head[index]) - widths[index] - 1)
    return [_line(row, widths, is_head=row is head) for row in rows]


def _line(row: tuple[str, ...], widths: list[int], is_head: bool) -> str:
    """A line: numbers to the right, spreads and heads to the left."""
    line = row[0] + " " * (widths[0] - columns(row[0]))
    for index in range(1, len(row), 2):
        number, spread = row[index], row[index + 1]
        whole = widths[index] + 1 + widths[index + 1]
        filled = "" if is_head else " " * (widths[index] - columns(number))
        text = f"{filled}{number} {spread}".rstrip()
        line += "   " + text + " " * (whole - columns(text))
    return line.rstrip()


def _below(report: Report) -> list[str]:
    """What the numbers are about: how often, how many tokens really, and what was not measurable."""
    runs = "one run" if report.runs == 1 else f"{report.runs} runs"
    how = "" if report.runs == 1 else ": the median, and in brackets the lowest and the highest"
    lines = [f"Of {runs}{how}. Loading and the first request happen once."]
    if not report.completed:
        lines.append("It was stopped before all runs were done.")
    lines += [line for model in report.models for line in _about(model, report)]
    if report.resident:
        lines.append(f"This process held {size_of(report.resident)} of memory at the end.")
    return lines


def _about(model: Findings, report: Report) -> list[str]:
    read = [model.tokens(measure) for measure in report.measures if measure.name == "prefill"]
    counts = ", ".join(f"{summary.median:,.0f}" for summary in read if summary is not None)
    prompts = [f"prompts of {counts} tokens were read"] if counts else []
    return [f"{model.name}: {note}" for note in (*prompts, *model.notes)]
