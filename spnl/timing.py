"""What a run took, in time and tokens: lines for a person, JSON for a program, a trace for a viewer.

Imports results, sources and frozen records. Replies that were not generated for their place (`reused`) are
listed, and count in no total.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

from spnl.executor.results import Load, Reply
from spnl.frozen import Frozen
from spnl.visible import visible
from spnl.width import columns


class Meter:
    """Notes what a run is told to have loaded and generated; its clock starts when it is made."""

    def __init__(self) -> None:
        self._began = perf_counter()
        self.loads: list[Load] = []
        self.replies: list[Reply] = []

    def taken(self, completed: bool) -> Taken:
        """What the run has taken by now."""
        return Taken(tuple(self.loads), tuple(self.replies), perf_counter() - self._began, completed)


class Taken(Frozen):
    """What a run took: its models' loads, its replies as they finished, and `seconds` in all.

    `completed` says whether it ran to its end.
    """

    loads: tuple[Load, ...]
    replies: tuple[Reply, ...]
    seconds: float
    completed: bool = True

    @property
    def generated(self) -> list[Reply]:
        """The replies that a model made in this run."""
        return [reply for reply in self.replies if reply.reused is None]

    def totals(self) -> dict[str, int]:
        """How many replies were generated and how many were not, and the tokens of those that were."""
        made = self.generated
        return {
            "generations": len(made),
            "not_generated_again": len(self.replies) - len(made),
            "prompt_tokens": sum(reply.usage.prompt_tokens for reply in made),
            "cached_tokens": sum(reply.usage.cached_tokens for reply in made),
            "completion_tokens": sum(reply.usage.completion_tokens for reply in made),
        }


def between_tokens(reply: Reply) -> float | None:
    """Seconds from one token to the next, on average, after the first; None for a reply of one token."""
    following = reply.usage.completion_tokens - 1
    return (reply.total - reply.first_token) / following if following > 0 else None


def tokens_per_second(reply: Reply) -> float | None:
    """Tokens of the reply, and of its thought, in each second after it was asked for."""
    return reply.usage.completion_tokens / reply.total if reply.total > 0 else None


# --- for a person

_HEADS = ("", "model", "prompt", "cached", "reply", "waited", "first token", "a token", "tokens/s")


def lines(taken: Taken) -> Iterator[str]:
    """A table with a row for each generation, and below it the loads and the totals."""
    if taken.replies:
        yield from _table([_HEADS, *map(_row, taken.replies)])
    for load in taken.loads:
        yield f"loaded {visible(load.model)} in {load.seconds:.2f} s"
    yield _total(taken)


def _row(reply: Reply) -> tuple[str, ...]:
    usage = reply.usage
    counts = (f"{usage.prompt_tokens:,}", f"{usage.cached_tokens:,}", f"{usage.completion_tokens:,}")
    if reply.reused is not None:
        return (_place(reply), visible(reply.model), *counts, f"from the {reply.reused}", "", "", "")
    each, speed = between_tokens(reply), tokens_per_second(reply)
    return (
        _place(reply),
        visible(reply.model),
        *counts,
        _milliseconds(reply.waited),
        _milliseconds(reply.first_token),
        f"{each * 1000:,.1f} ms" if each is not None else "",
        f"{speed:,.0f}" if speed is not None else "",
    )


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Rows with their columns side by side: the first two begin at one place, the others end at one."""
    widths = [max(columns(row[index]) for row in rows) for index in range(len(rows[0]))]
    for row in rows:
        cells = []
        for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
            room = " " * (width - columns(cell))
            cells.append(cell + room if index < 2 else room + cell)
        yield "  ".join(cells).rstrip()


def _total(taken: Taken) -> str:
    totals = taken.totals()
    made, reused = totals["generations"], totals["not_generated_again"]
    reply_tokens = totals["completion_tokens"]
    running = taken.seconds - sum(load.seconds for load in taken.loads)
    speed = f", {reply_tokens / running:,.0f} tokens/s" if running > 0 and made else ""
    again = f", and {reused} not generated again" if reused else ""
    return (
        f"{_count(made, 'generation')}{again}: "
        f"{_count(totals['prompt_tokens'], 'token')} of prompts ({totals['cached_tokens']:,} cached), "
        f"{_count(reply_tokens, 'token')} of replies, in {taken.seconds:.2f} s{speed}"
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _place(reply: Reply) -> str:
    """Where in the program, as in `a.spnl:3:1`, and which of several draws or inputs."""
    draw = f" [{reply.index}]" if reply.index else ""
    return (visible(str(reply.span)) if reply.span is not None else "-") + draw


# --- for a program


def as_data(taken: Taken) -> dict[str, Any]:
    """The same as JSON. Times are in seconds, and counts in tokens."""
    return {
        "completed": taken.completed,
        "seconds": taken.seconds,
        "loads": [load.as_dict() for load in taken.loads],
        "generations": list(map(_generation, taken.replies)),
        "totals": taken.totals(),
    }


def _generation(reply: Reply) -> dict[str, Any]:
    """One generation; without times where it was not generated for its place."""
    data = {
        "place": reply.span.as_dict() if reply.span is not None else None,
        "index": reply.index,
        "model": reply.model,
        "finish_reason": reply.reason,
        "reused": reply.reused,
        **reply.usage.as_dict(),
    }
    if reply.reused is not None:
        return data
    return data | {
        "asked": reply.asked,
        "waited": reply.waited,
        "first_token": reply.first_token,
        "total": reply.total,
        "between_tokens": between_tokens(reply),
        "tokens_per_second": tokens_per_second(reply),
    }


# --- for a viewer


def as_trace(taken: Taken) -> dict[str, Any]:
    """What ran when, in the Trace Event Format that Perfetto and Chrome's about:tracing show.

    Loads are in a row of their own; generations that ran together are in rows below one another, each with
    the reading of its prompt and the making of its reply. Times are in microseconds, as the format has it.
    """
    events = [_event("load", load.model, load.began, load.seconds, 0, {}) for load in taken.loads]
    rows: list[float] = []
    for reply in sorted(taken.generated, key=lambda reply: reply.asked):
        row = next((row for row, free in enumerate(rows) if free <= reply.asked), len(rows))
        rows[row : row + 1] = [reply.asked + reply.total]
        details = {**reply.usage.as_dict(), "model": reply.model, "finish_reason": reply.reason}
        events += [
            _event("generation", _place(reply), reply.asked, reply.total, row + 1, details),
            _event("prompt", "prompt", reply.asked, reply.first_token, row + 1, {}),
            _event(
                "reply",
                "reply",
                reply.asked + reply.first_token,
                reply.total - reply.first_token,
                row + 1,
                {},
            ),
        ]
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _event(
    kind: str, name: str, began: float, seconds: float, row: int, details: dict[str, Any]
) -> dict[str, Any]:
    """A complete event (`ph` X) of the format."""
    return {
        "name": name,
        "cat": kind,
        "ph": "X",
        "ts": began * 1e6,
        "dur": seconds * 1e6,
        "pid": 1,
        "tid": row,
        "args": details,
    }
