"""What was typed in earlier sessions: a file in the platform's folder for state.

Each entry is one line of JSON, added by one write under a lock, so that several sessions share the file and
one that is killed loses nothing. It is bounded, and only its owner can read it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from spnl.places import make_private, state_folder
from spnl.repl.private_files import locked, open_private

MOST_ENTRIES = 5_000
SLACK = 1_000
"""How many entries more there may be before the oldest are dropped."""

MOST_CHARACTERS = 100_000
"""The longest entry that is kept."""

MOST_BYTES = 8 * 1024 * 1024
"""How large the file may get before its older half is dropped."""


class HistoryFile:
    """The entries of all sessions, in the order of typing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, entry: str) -> None:
        """Keep an entry. Where nothing can be written, nothing is kept."""
        if len(entry) > MOST_CHARACTERS:
            return
        line = json.dumps(entry).encode() + b"\n"
        try:
            make_private(str(self._path.parent))
            with locked(self._path):
                descriptor = open_private(self._path, os.O_WRONLY | os.O_APPEND)
                try:
                    os.write(descriptor, line)
                finally:
                    os.close(descriptor)
        except OSError:
            return

    def entries(self) -> list[str]:
        """The last `MOST_ENTRIES` entries, the oldest first; a line that makes no sense is left out."""
        try:
            data = self._path.read_bytes()
            lines = data.splitlines()
            if len(lines) > MOST_ENTRIES + SLACK or len(data) > MOST_BYTES:
                self._shorten()
        except OSError:
            return []
        found: list[str] = []
        for line in lines[-MOST_ENTRIES:]:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, str):
                found.append(entry)
        return found

    def _shorten(self) -> None:
        """Drop the oldest entries; the file is replaced at once."""
        with locked(self._path):
            lines = self._path.read_bytes().splitlines(keepends=True)
            beside = self._path.with_name(f".{self._path.name}.{os.getpid()}.part")
            with open(open_private(beside, os.O_WRONLY | os.O_TRUNC), "wb") as file:
                kept = lines[-MOST_ENTRIES:]
                file.writelines(kept if sum(map(len, kept)) <= MOST_BYTES else kept[len(kept) // 2 :])
            beside.replace(self._path)


def history_file(environ: Mapping[str, str]) -> HistoryFile:
    """The history of this user."""
    return HistoryFile(Path(state_folder(environ)) / "history.jsonl")
