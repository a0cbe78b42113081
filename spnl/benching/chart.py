"""A report as a chart: an SVG file of horizontal bars, written here rather than with a library.

What is drawn is rectangles, lines and words; matplotlib would be 50 MB for it. Each part of the report has an
axis of its own from zero; a thin line over a bar reaches from the lowest to the highest sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from xml.sax.saxutils import escape

from spnl.benching.report import MEANINGS, Report, Summary, Unit
from spnl.benching.steps import Measure
from spnl.benching.units import shown
from spnl.frozen import Frozen
from spnl.visible import visible

COLOURS = ("#3b6fb6", "#d98a29")
"""Of the first model and the second: told apart by people who do not see red and green apart."""

WIDTH = 900
_LEFT, _BAR = 250, 520
_THICK, _GAP, _PART_GAP = 16, 8, 26

_TITLES = {
    "prefill": "Prefill (more is better)",
    "decode": "Decode (more is better)",
    "prefix": "Time to first token under one system prompt (less is better)",
    "turns": "Time to first token in a conversation (less is better)",
    "together": "Throughput (more is better)",
}


class _Bar(Frozen):
    """One bar: what stands before it where it is the first of its measure, its number, and which model's."""

    label: str
    unit: Unit
    summary: Summary
    model: int


def chart(report: Report) -> str:
    """The report as an SVG document. Gains, shares, and what is measured once, are left to the table."""
    drawn: list[str] = []
    y = 34.0
    for index, model in enumerate(report.models):
        drawn += _legend(model.name, index, y)
        y += 20
    drawn_measures = [measure for measure in report.measures if _is_drawn(measure)]
    for part, measures in groupby(drawn_measures, lambda measure: MEANINGS[measure.name].part):
        y += _PART_GAP
        drawn.append(_text(20, y, _TITLES[part], weight="bold"))
        y += 10
        bars = list(_bars(report, list(measures)))
        longest = max(bar.summary.high for bar in bars) or 1.0
        for bar in bars:
            drawn += _drawn(bar, y, _BAR / longest)
            y += _THICK + _GAP
    return "\n".join([_head(y + 20), *drawn, "</svg>", ""])


def _is_drawn(measure: Measure) -> bool:
    meaning = MEANINGS[measure.name]
    return meaning.part in _TITLES and meaning.unit in ("s", "tokens/s")


def _bars(report: Report, measures: Sequence[Measure]) -> Iterator[_Bar]:
    """The bars of one part: those of one measure follow each other."""
    for measure in measures:
        label = report.label(measure)
        for index, model in enumerate(report.models):
            summary = model.summary(measure)
            if summary is not None:
                yield _Bar(label, MEANINGS[measure.name].unit, summary, index)
                label = ""


def _head(height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" font-family="sans-serif" font-size="13">\n'
        f'<rect width="{WIDTH}" height="{height:.0f}" fill="white"/>'
    )


def _legend(name: str, model: int, y: float) -> Iterator[str]:
    yield f'<rect x="20" y="{y - 11:.1f}" width="12" height="12" fill="{COLOURS[model]}"/>'
    yield _text(40, y, name)


def _drawn(bar: _Bar, y: float, scale: float) -> Iterator[str]:
    """A bar with what stands before and behind it, and its spread."""
    middle, base = y + _THICK / 2, y + _THICK - 4
    low, high = (_LEFT + value * scale for value in (bar.summary.low, bar.summary.high))
    if bar.label:
        yield _text(_LEFT - 8, base, bar.label, anchor="end")
    yield (
        f'<rect x="{_LEFT}" y="{y:.1f}" width="{bar.summary.median * scale:.1f}" height="{_THICK}" '
        f'fill="{COLOURS[bar.model]}"/>'
    )
    if bar.summary.count > 1:
        yield (
            f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}" '
            'stroke="#222" stroke-width="1.5"/>'
        )
    yield _text(high + 8, base, shown(bar.summary.median, bar.unit))


def _text(x: float, y: float, text: str, *, anchor: str = "start", weight: str = "normal") -> str:
    words = escape(visible(text))
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{words}</text>'
