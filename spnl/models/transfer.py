"""Brings the bytes of one file over: continues a partial file, and lets nothing through that is not right.

A partial file is continued from its end with a Range request. No If-Range goes with it: an address names a
commit and so one content for ever, the server that a hub redirects to has an ETag of its own choice, and the
whole is checked against the digest in the hub's listing, which sees more than an ETag could. A server that
sends the whole file again, and a partial file that is not the beginning of it, cost a new start.

Several processes may write one partial file where locks do not hold: all write the same bytes to the same
places. Imports the other modules about the hub.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from spnl.errors import ModelError
from spnl.models.hub import Hub, HubFile
from spnl.models.hub_failures import HubRefusal, Unavailable

if TYPE_CHECKING:
    from hashlib import _Hash

    from httpx2 import Response

MOST_AT_ONCE = 40 * 1000**3
"""Bytes that are asked for in one request: what stands before a hub's storage refuses more than 50 GB."""

_PIECE = 1024 * 1024
_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")
_TOO_FAR = 416

Tell = Callable[[int], None]
"""Given how many bytes of the file are here."""


def transfer(hub: Hub, address: str, file: HubFile, path: Path, tell: Tell) -> None:
    """Make the partial file at `path` the whole one, which it may be already.

    What does not fit the digest is thrown away, and once more fetched if some of it was there before. Raises
    `ModelError` and `HubRefusal`.
    """
    with Partial(path, file) as partial:
        try:
            while True:
                fill(hub, address, partial, tell)
                if partial.is_right:
                    partial.secure()
                    return
                was_continued = partial.was_continued
                partial.restart()
                if not was_continued:
                    raise _wrong(hub.host, file)
        except BaseException:
            if not partial.have:
                path.unlink(missing_ok=True)  # nothing to continue from
            raise


def fill(hub: Hub, address: str, partial: Partial, tell: Tell) -> None:
    """Fetch the bytes that a partial file lacks, however often the connection is cut on the way."""
    size = partial.file.size
    patience = hub.patience()
    most = partial.have
    while partial.have < size:
        stop = min(size, partial.have + MOST_AT_ONCE)
        try:
            with hub.open(address, partial.have, stop if stop < size else None) as response:
                if _start(response) != partial.have:
                    partial.restart()
                tell(partial.have)
                for piece in response.iter_bytes():
                    partial.add(piece)
                    tell(partial.have)
                    if partial.have > most:
                        most = partial.have
                        patience.reward()
                    if partial.have == size:
                        return
            if partial.have < stop:
                raise Unavailable("the connection ended too early")
        except HubRefusal as refusal:
            if refusal.status != _TOO_FAR or not partial.have:
                raise
            partial.restart()
        except Unavailable as reason:
            patience.wait(reason)


class Partial:
    """The beginning of a file, on disk and growing. `was_continued`: some of it is of an earlier process."""

    def __init__(self, path: Path, file: HubFile) -> None:
        self.file = file
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        self._target = FileIO(os.open(path, flags, 0o666), "r+", closefd=True)
        self.have = 0
        self._digest = _digest_of(file)
        self._take_over()
        self.was_continued = self.have > 0

    def __enter__(self) -> Partial:
        return self

    def __exit__(self, *error: object) -> None:
        self._target.close()

    @property
    def is_right(self) -> bool:
        """Whether this is the whole file, as the hub lists it."""
        return self.have == self.file.size and self._digest.hexdigest() == self.file.digest

    def add(self, piece: bytes) -> None:
        """More of the file; what comes after its end is left out."""
        piece = piece[: self.file.size - self.have]
        self._digest.update(piece)
        while piece:
            written = self._target.write(piece) or 0
            self.have += written
            piece = piece[written:]

    def restart(self) -> None:
        """Throw away what is here."""
        self._target.seek(0)
        self._target.truncate()
        self.have = 0
        self._digest = _digest_of(self.file)
        self.was_continued = False

    def secure(self) -> None:
        """Have the bytes on the disk itself: once the file has its name, nobody looks at them again."""
        os.fsync(self._target.fileno())

    def _take_over(self) -> None:
        """Read what is here, for the digest; too much cannot be a beginning."""
        if os.fstat(self._target.fileno()).st_size > self.file.size:
            self._target.truncate(0)
        while piece := self._target.read(_PIECE):
            self._digest.update(piece)
            self.have += len(piece)


def is_right(path: Path, file: HubFile) -> bool:
    """Whether a file on disk is the one that the hub lists; reads all of it."""
    digest = _digest_of(file)
    try:
        if path.stat().st_size != file.size:
            return False
        with path.open("rb") as content:
            while piece := content.read(_PIECE):
                digest.update(piece)
    except OSError:
        return False
    return digest.hexdigest() == file.digest


def _digest_of(file: HubFile) -> _Hash:
    """The beginning of a digest: SHA-256, or what git calls a content of this size."""
    if len(file.digest) == 64:
        return hashlib.sha256()
    return hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)


def _start(response: Response) -> int:
    """The place in the file of an answer's first byte."""
    found = _RANGE.match(response.headers.get("content-range", "")) if response.status_code == 206 else None
    return int(found[1]) if found else 0


def _wrong(host: str, file: HubFile) -> ModelError:
    return ModelError(
        "damaged-model",
        f"what {host} sends of {file.name} is not what it lists",
        notes=("its digest differs, so it was thrown away",),
        helps=("try again; if it stays so, the repository or something on the way is at fault",),
    )
