"""Answers for programs that read us: JSON, JSON lines, or texts ended by NUL."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, BinaryIO

from spnl.executor.answer import Style
from spnl.executor.results import Leaf


class RecordAnswer:
    """Writes an answer leaf by leaf: `jsonl` a record a line, `nul` each text with a NUL byte after it, and
    `json` one list of records at the end. `before` is called before any of it is written. On a `terminal`
    control characters are shown.
    """

    is_live = False

    def __init__(
        self,
        stream: BinaryIO,
        format: str,
        *,
        terminal: bool = False,
        before: Callable[[], None] = lambda: None,
    ) -> None:
        self._stream = stream
        self._terminal = terminal
        self._before = before
        self._format = format
        self._records: list[dict[str, Any]] = []

    def begin(self, style: Style) -> None:
        """A new leaf starts: nothing is written before it is complete."""

    def write(self, text: str) -> None:
        """More of the leaf's text: it is written when it is complete."""

    def end(self, leaf: Leaf) -> None:
        """The leaf is complete."""
        if self._format == "nul":
            # A NUL within a text would end it early for whoever reads us.
            self._put(leaf.text.replace("\0", "\ufffd") + "\0")
        elif self._format == "jsonl":
            self._put(json.dumps(record(leaf), ensure_ascii=False) + "\n")
        else:
            self._records.append(record(leaf))

    def finish(self) -> None:
        """The answer is complete."""
        if self._format == "json":
            self._put(json.dumps(self._records, ensure_ascii=False, indent=2) + "\n")
        self._stream.flush()

    def abandon(self) -> None:
        """The run failed: records that are out stay, a list that is not complete is not begun."""
        self._stream.flush()

    def _put(self, text: str) -> None:
        self._before()
        if self._terminal:
            from spnl.visible import visible

            text = visible(text)
        self._stream.write(text.encode("utf-8", "replace"))
        self._stream.flush()


def record(leaf: Leaf) -> dict[str, Any]:
    """One text of an answer as JSON: what it is, where it comes from, and how it was made."""
    place = leaf.span.as_dict() if leaf.span is not None else None
    data: dict[str, Any] = {"text": leaf.text, "role": leaf.role, "place": place}
    if leaf.error is not None:
        data["text"] = ""
        data["error"] = {"id": leaf.error.id, "message": leaf.error.message, "notes": list(leaf.error.notes)}
    if leaf.reply is not None:
        data["index"] = leaf.reply.index
        data["model"] = leaf.reply.model
        data["finish_reason"] = leaf.reply.reason
        data["usage"] = leaf.reply.usage.as_dict()
        if leaf.reply.thought:
            data["thought"] = leaf.reply.thought
        if leaf.reply.reused:
            data["reused"] = leaf.reply.reused
    return data
