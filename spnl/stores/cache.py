"""The cache of replies: what any program generated on this machine, kept for all that ask the same again.

One SQLite file in spnl's cache folder, which only its owner can read. Several processes may use it at once.
It is bounded: what was not used for longest makes room. Nothing depends on it: where it fails in the middle
of a run, the run goes on without it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import time_ns
from typing import Any, Literal

from spnl.errors import UsageError
from spnl.frozen import Frozen
from spnl.places import cache_folder, make_private
from spnl.stores.base import Kept

LIMIT = 500 * 1000**2
"""How many bytes of replies are kept."""

_ROOM = 0.9
"""What share of the limit is left when room is made, so that it is not made for every reply."""

_ROW = 200
"""What a row takes beside its reply, in bytes, roughly: its key, and its places in two indices."""

_WAIT_SECONDS = 10.0
"""How long another process may write before this one gives up."""

_TABLE = """
    CREATE TABLE IF NOT EXISTS replies (
        key TEXT NOT NULL,
        draw INTEGER NOT NULL,
        reply TEXT NOT NULL,
        size INTEGER NOT NULL,
        used INTEGER NOT NULL,
        PRIMARY KEY (key, draw)
    );
    CREATE INDEX IF NOT EXISTS by_use ON replies (used, size);
"""

_ADD = "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)"

_MAKE_ROOM = """
    DELETE FROM replies WHERE rowid IN (
        SELECT rowid
        FROM (SELECT rowid, sum(size) OVER (ORDER BY used DESC, rowid DESC) AS with_newer FROM replies)
        WHERE with_newer > ?
    )
"""


class Contents(Frozen):
    """What a cache holds: how many replies, how many bytes its file has, and how many it may have."""

    replies: int
    size: int
    limit: int


def cache_path() -> str:
    """Where the cache is, whether it is there or not. The number is that of the table's layout."""
    return os.path.join(cache_folder(os.environ), "replies-1.sqlite")


class Cache:
    """The cache, open for one run. `notice` is told if it has to be given up."""

    origin: Literal["journal", "cache"] = "cache"

    def __init__(self, path: str, notice: Callable[[str], None], limit: int = LIMIT) -> None:
        """Open the cache, or begin one. Raises `UsageError` `bad-cache` where that cannot be done."""
        self._path = path
        self._notice = notice
        self._limit = limit
        try:
            self._database: sqlite3.Connection | None = _connect(path)
        except (OSError, sqlite3.Error) as error:
            raise _bad(path, error) from None
        self._used: set[tuple[str, int]] = set()
        self._added = 0

    def find(self, key: str, draw: int) -> Kept | None:
        """The reply that is kept under a key as its draw number `draw`."""
        query = "SELECT reply FROM replies WHERE key = ? AND draw = ?"
        found = self._try(lambda database: database.execute(query, (key, draw)).fetchone())
        try:
            kept = Kept.of(json.loads(found[0])) if found else None
        except (ValueError, TypeError, RecursionError):
            return None
        if kept is not None:
            self._used.add((key, draw))
        return kept

    def keep(self, key: str, draw: int, kept: Kept) -> None:
        """Add a reply, and make room now and then."""
        reply = json.dumps(kept.data())
        row = (key, draw, reply, len(reply) + _ROW, time_ns())
        self._try(
            lambda database: database.execute("INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?, ?)", row)
        )
        self._added += len(reply) + _ROW
        if self._added > self._limit * (1 - _ROOM):
            self._make_room()

    def close(self) -> None:
        """Note what was used, and make room."""
        self._try(self._note_use)
        if self._added:
            self._make_room()
        if self._database is not None:
            self._database.close()

    def _note_use(self, database: sqlite3.Connection) -> None:
        now = time_ns()
        with _transaction(database):
            touched = [(now, *slot) for slot in self._used]
            database.executemany("UPDATE replies SET used = ? WHERE key = ? AND draw = ?", touched)

    def _make_room(self) -> None:
        """Let go of what was not used for longest, where there is more than the limit."""
        self._added = 0
        self._try(lambda database: _shrink(database, self._limit))

    def _try(self, action: Callable[[sqlite3.Connection], Any]) -> Any:
        """Do something with the database; None once it has failed, which is said once."""
        if self._database is None:
            return None
        try:
            return action(self._database)
        except sqlite3.Error as error:
            self._notice(f"the cache {self._path} is not used any more: {_reason(error)}")
            self._database.close()
            self._database = None
            return None


def contents(path: str) -> Contents:
    """What a cache holds; where there is none, nothing. Raises `UsageError` `bad-cache`."""
    if not os.path.exists(path):
        return Contents(0, 0, LIMIT)
    try:
        with closing(_connect(path)) as database:
            (replies,) = database.execute("SELECT count(*) FROM replies").fetchone()
        return Contents(replies, sum(os.path.getsize(file) for file in _files(path)), LIMIT)
    except (OSError, sqlite3.Error) as error:
        raise _bad(path, error) from None


def clear(path: str) -> None:
    """Empty a cache, also while others use it; one that is damaged is deleted. Raises `UsageError`."""
    if not os.path.exists(path):
        return
    try:
        with closing(_connect(path)) as database:
            database.execute("DELETE FROM replies")
            # What was deleted is to be gone from the disk, too.
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except (OSError, sqlite3.OperationalError) as error:
        raise _bad(path, error) from None
    except sqlite3.DatabaseError:
        for file in _files(path):
            os.unlink(file)


def _connect(path: str) -> sqlite3.Connection:
    """Open the file, and make it if it is not there; raises OSError and `sqlite3.Error`.

    It is for its owner alone, and so will be those that SQLite puts beside it.
    """
    make_private(os.path.dirname(path))
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    database = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(_TABLE)
    except BaseException:
        database.close()
        raise
    return database


def _shrink(database: sqlite3.Connection, limit: int) -> None:
    (size,) = database.execute("SELECT total(size) FROM replies").fetchone()
    if size > limit:
        database.execute(_MAKE_ROOM, (int(limit * _ROOM),))
        database.execute("PRAGMA incremental_vacuum").fetchall()


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _files(path: str) -> list[str]:
    """The files of the database that are there."""
    return [file for file in (path, f"{path}-wal", f"{path}-shm") if os.path.exists(file)]


def _bad(path: str, error: OSError | sqlite3.Error) -> UsageError:
    return UsageError(
        "bad-cache",
        f"the cache {path} cannot be used: {_reason(error)}",
        helps=("`spnl cache clear` makes a new one", "run without --cache"),
    )


def _reason(error: OSError | sqlite3.Error) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
