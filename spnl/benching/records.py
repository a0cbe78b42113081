"""A report as data for machines, with every sample. Imports the report."""

from __future__ import annotations

from typing import Any

from spnl.benching.report import MEANINGS, Findings, Report, Summary
from spnl.benching.steps import Measure


def as_data(report: Report) -> dict[str, Any]:
    """The report as JSON takes it. Times are in seconds, memory in bytes, speeds in tokens a second."""
    return {
        "runs": report.runs,
        "completed": report.completed,
        "reply_tokens": report.reply,
        "at_once": report.count,
        "resident_bytes": report.resident,
        "models": [{"name": model.name, "notes": model.notes} for model in report.models],
        "measures": [_measure(report, measure) for measure in report.measures],
    }


def _measure(report: Report, measure: Measure) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": measure.name,
        "length": measure.length,
        "label": report.label(measure),
        "unit": MEANINGS[measure.name].unit,
        "models": [_of_model(model, measure) for model in report.models],
    }
    if len(report.models) > 1:
        ratio = report.ratio(measure)
        data["ratio"] = _summary(ratio) if ratio is not None else None
    return data


def _of_model(model: Findings, measure: Measure) -> dict[str, Any] | None:
    """The samples of one model by run; None where there are none."""
    summary = model.summary(measure)
    if summary is None:
        return None
    samples = [
        {"run": run, "value": sample.value, "tokens": sample.tokens or None}
        for run, sample in sorted(model.samples[measure].items())
    ]
    return {**_summary(summary), "samples": samples}


def _summary(summary: Summary) -> dict[str, float]:
    return {"median": summary.median, "low": summary.low, "high": summary.high}
