"""Errors, drawn: the one place where an error becomes lines for a person, or fields for a program.

Imports `source`, `errors`, `visible` and `width`. Loaded only where there is an error.

    error[unclosed]: this `(` is never closed
     --> demo.spnl:2:3
      |
    2 |   (cross (user "hi")
      |   ^ opened here
      = help: add `)` at the end of the file
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any, Literal, NamedTuple

from spnl.errors import SpnlError
from spnl.source import Span
from spnl.visible import visible
from spnl.width import columns

TAB_WIDTH = 4
MIN_WIDTH = 20

Severity = Literal["error", "warning"]

_BOLD = "1"
_BLUE = "1;34"
_RED = "1;31"
_MAGENTA = "1;35"


def render(error: SpnlError, *, color: bool, width: int = 100, severity: Severity = "error") -> str:
    """The error as lines of text, the last without a line end.

    `width`: how many columns of a source line to show. A `warning` is drawn alike, in magenta.
    """
    pen = _Pen(color, _RED if severity == "error" else _MAGENTA)
    heading = f"{severity}[{error.id}]"
    message = _hanging(error.message, len(heading) + 2)
    lines = [pen.strong(heading) + pen.paint(_BOLD, f": {message}")]
    gutter = " "
    if error.span is not None:
        number, _ = error.span.source.position(error.span.start)
        gutter = " " * len(str(number))
        lines += _place(error.span, error.label, pen, gutter, width)
    for kind, texts in (("note", error.notes), ("help", error.helps)):
        for text in texts:
            told = _hanging(text, len(gutter) + len(f" = {kind}: "))
            lines.append(f"{gutter} {pen.paint(_BLUE, '=')} {pen.paint(_BOLD, f'{kind}:')} {told}")
    return "\n".join(lines)


def render_json(error: SpnlError) -> dict[str, Any]:
    """The error as data. Lines and columns count from 1, and the end is just after; None: it has no place."""
    line = column = end_line = end_column = None
    if error.span is not None:
        line, column = error.span.source.position(error.span.start)
        end_line, end_column = error.span.source.position(error.span.end)
    return {
        "id": error.id,
        "message": error.message,
        "file": error.span.source.name if error.span is not None else None,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "notes": list(error.notes),
        "helps": list(error.helps),
    }


class _Pen(NamedTuple):
    """Colours text, or leaves it as it is."""

    color: bool
    accent: str

    def paint(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and text else text

    def strong(self, text: str) -> str:
        return self.paint(self.accent, text)


def _hanging(text: str, indent: int) -> str:
    """Text that others may have written, made safe; its further lines begin below the first."""
    return visible(text).replace("\n", "\n" + " " * indent)


def _place(span: Span, label: str, pen: _Pen, gutter: str, width: int) -> list[str]:
    """The lines that show where: file, source line, and what to look at in it."""
    number, column = span.source.position(span.start)
    name = visible(span.source.name).replace("\n", "^J")
    source_line = span.source.line(number)
    start = column - 1
    end = min(start + span.end - span.start, len(source_line))
    shown, before, marked = _window(source_line, start, end, max(width, MIN_WIDTH))
    bar = pen.paint(_BLUE, "|")
    marks = pen.strong("^" * max(marked, 1) + (f" {_hanging(label, 0)}" if label else ""))
    return [
        f"{gutter}{pen.paint(_BLUE, '-->')} {name}:{number}:{column}",
        f"{gutter} {bar}",
        f"{pen.paint(_BLUE, str(number))} {bar} {shown}".rstrip(),
        f"{gutter} {bar} {' ' * before}{marks}",
    ]


def _window(line: str, start: int, end: int, width: int) -> tuple[str, int, int]:
    """What to show of `line`, at most `width` columns of it, so that `start` to `end` can be seen.

    Gives the text, the columns before the place and the columns of the place. What is left out at either
    side is an ellipsis.
    """
    first, last = max(0, start - width), min(len(line), start + 2 * width)  # a line may be megabytes
    cells, starts = _cells(line[first:last])
    place, place_end = starts[start - first], starts[min(end, last) - first]
    left = place - max((width - (place_end - place)) // 2, MIN_WIDTH // 2)
    left = max(0, min(left, starts[-1] - width))
    cut_left = first > 0 or left > 0
    cut_right = last < len(line) or starts[-1] - left > width
    begin = bisect_left(starts, left + cut_left)
    stop = bisect_right(starts, left + width - cut_right) - 1
    shown = "…" * cut_left + "".join(cells[begin:stop]) + "…" * cut_right
    return shown, place - starts[begin] + cut_left, min(place_end, starts[stop]) - place


def _cells(text: str) -> tuple[list[str], list[int]]:
    """Each character as it is shown, and the column where each begins, then where the last ends."""
    cells, starts = [], [0]
    for character in text:
        tab = TAB_WIDTH - starts[-1] % TAB_WIDTH
        cell = " " * tab if character == "\t" else visible(character)
        cells.append(cell)
        starts.append(starts[-1] + columns(cell))
    return cells, starts
