"""The journal: a file to which every finished reply is added, so that a run that was killed can continue.

One JSON object a line: the first says what the file is, each other is a reply under its key. A line is
written whole, at once, as soon as its reply is finished, so a killed process loses none; what is written
within a second is made to outlast a failure of the machine together (`fsync`). A last line without its end
was cut off, and is taken away. Anything else that is no journal is an error and stays as it is.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from time import monotonic
from typing import Any, Literal

from spnl.errors import GenerationError, UsageError
from spnl.stores.base import Kept
from spnl.stores.locking import lock

HEADER = b'{"spnl": "journal", "version": 1}\n'

MAX_LINE = 64 * 1024 * 1024
"""The longest line that is read, in bytes: far above any reply."""

SYNC_SECONDS = 1.0
"""How long what was written may last no longer than the machine stays up."""

_KEY = re.compile(r"[0-9a-f]{64}")


class Journal:
    """A journal that is open; no other process has it open at the same time."""

    origin: Literal["journal", "cache"] = "journal"

    def __init__(self, path: str | os.PathLike[str], notice: Callable[[str], None]) -> None:
        """Open a journal, or begin one, that only its owner can read; `notice` is told what it holds.

        Raises `UsageError`: `bad-journal` for a file that is none, is damaged or cannot be written,
        `journal-in-use` where another run has it.
        """
        self._path = os.fspath(path)
        self._kept: dict[tuple[str, int], Kept] = {}
        self._unsynced = False
        self._synced = monotonic()
        try:
            self._file = os.open(self._path, _FLAGS, 0o600)
        except (OSError, ValueError) as error:
            raise self._bad(f"cannot be opened: {_reason(error)}") from None
        try:
            self._take_up()
        except OSError as error:
            os.close(self._file)
            raise self._bad(f"cannot be read: {_reason(error)}") from None
        except BaseException:
            os.close(self._file)
            raise
        if self._kept:
            replies = "1 reply" if len(self._kept) == 1 else f"{len(self._kept)} replies"
            notice(f"the journal {self._path} holds {replies}: what is there is not generated again")

    def find(self, key: str, draw: int) -> Kept | None:
        """The reply that is kept under a key as its draw number `draw`."""
        return self._kept.get((key, draw))

    def keep(self, key: str, draw: int, kept: Kept) -> None:
        """Add a reply. Raises `GenerationError` `journal-failed` where it cannot be written."""
        line = json.dumps({"key": key, "draw": draw, **kept.data()}).encode() + b"\n"
        try:
            self._add(line)
            if monotonic() - self._synced >= SYNC_SECONDS:
                self._sync()
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Make what was written last, and let other runs have the file."""
        try:
            if self._unsynced:
                self._sync()
        except OSError as error:
            raise self._failed(error) from None
        finally:
            os.close(self._file)

    def _take_up(self) -> None:
        """Lock the file, read what is there, and make its end a place to go on from."""
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise self._bad("is no file", "name a file")
        if not lock(self._file):
            raise UsageError(
                "journal-in-use",
                f"another run of spnl is writing {self._path}",
                helps=("wait until it has ended, or give this run a journal of its own",),
            )
        good, is_ended = self._read()
        if good < os.fstat(self._file).st_size:
            os.truncate(self._file, good)
        if good == 0:
            self._add(HEADER)
        elif not is_ended:
            self._add(b"\n")

    def _read(self) -> tuple[int, bool]:
        """Read all replies: how many bytes are good lines, and whether the last of those has its end."""
        good, number, is_ended = 0, 0, True
        with open(self._file, "rb", closefd=False) as file:
            while line := file.readline(MAX_LINE):
                number += 1
                is_cut = not line.endswith(b"\n") and len(line) < MAX_LINE
                if number == 1 and line != HEADER:
                    if is_cut and HEADER.startswith(line):
                        break
                    raise UsageError(
                        "bad-journal",
                        f"{self._path} is not a journal of this version of spnl",
                        helps=("name another file: this one stays as it is",),
                    )
                if number > 1 and not self._take(line):
                    if is_cut:
                        break
                    raise self._bad(f"is damaged in line {number}", "remove that line, or name another file")
                good, is_ended = good + len(line), not is_cut
        return good, is_ended

    def _take(self, line: bytes) -> bool:
        """Remember the reply of a line; whether it holds one."""
        try:
            data: Any = json.loads(line)
            kept = Kept.of(data)
            key, draw = data["key"], data["draw"]
        except (ValueError, LookupError, RecursionError):
            return False
        if not (isinstance(key, str) and _KEY.fullmatch(key) and type(draw) is int and draw >= 0):
            return False
        self._kept[key, draw] = kept
        return True

    def _add(self, data: bytes) -> None:
        """Write at the end: all of it, or where that fails nothing, so that the file stays a journal."""
        before = os.fstat(self._file).st_size
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except BaseException:
            os.truncate(self._file, before)
            raise
        self._unsynced = True

    def _sync(self) -> None:
        os.fsync(self._file)
        self._unsynced = False
        self._synced = monotonic()

    def _bad(self, what: str, *helps: str) -> UsageError:
        return UsageError("bad-journal", f"the journal {self._path} {what}", helps=helps)

    def _failed(self, error: OSError) -> GenerationError:
        message = f"the journal {self._path} cannot be written: {_reason(error)}"
        return GenerationError("journal-failed", message, helps=("what it holds is kept: run this again",))


_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def _reason(error: OSError | ValueError) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
