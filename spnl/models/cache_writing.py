"""Writes the Hugging Face cache as `huggingface_hub` does, so that either finds what the other fetched.

A content lies in `blobs` under its digest, `snapshots/COMMIT/NAME` is a link to it, or the file itself where
the system has no links, and `refs/BRANCH` names the commit. What is being fetched is
`blobs/DIGEST.spnl.incomplete`: a name of our own, because other programs leave partial files whose bytes are
not a beginning. Every step leaves the cache sound, whenever the process is killed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from spnl.models.cache import repo_folder
from spnl.models.hub import HubFile, Listing
from spnl.models.progress import Progress


class RepoCache:
    """What the cache keeps of one repository at one commit."""

    def __init__(self, cache: Path, listing: Listing) -> None:
        self.folder = repo_folder(cache, listing.repo)
        self._locks = cache / ".locks" / self.folder.name
        self._snapshot = self.folder / "snapshots" / listing.commit

    def path(self, file: HubFile) -> Path:
        """Where a program finds a file."""
        return self._snapshot / file.name

    def blob(self, file: HubFile) -> Path:
        """Where the content of a file lies, where the system has links."""
        return self.folder / "blobs" / file.digest

    def partial(self, file: HubFile) -> Path:
        """Where the beginning of a file lies while it is being fetched."""
        return self.folder / "blobs" / f"{file.digest}.spnl.incomplete"

    def has(self, file: HubFile) -> bool:
        """Whether a file is in its place with the right size."""
        return _size(self.path(file)) == file.size

    def here(self, file: HubFile) -> int:
        """How many bytes of a file need not be fetched."""
        if self.has(file) or _size(self.blob(file)) == file.size:
            return file.size
        return min(max(_size(self.partial(file)), 0), file.size)

    @contextmanager
    def locked(self, file: HubFile, progress: Progress) -> Iterator[None]:
        """While no other process fetches a content; the lock is the one that `huggingface_hub` takes."""
        self.blob(file).parent.mkdir(parents=True, exist_ok=True)
        with self._lock(file.digest, lambda: progress.note(f"waiting for another fetch of {file.name}")):
            yield

    def accept(self, file: HubFile) -> None:
        """Give a partial file that is whole its name."""
        os.replace(self.partial(file), self.blob(file))

    def link(self, file: HubFile) -> None:
        """Have a file in its place, once its content is there; a link is replaced in one step."""
        path, blob = self.path(file), self.blob(file)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.spnl")
        try:
            beside.unlink(missing_ok=True)
            os.symlink(os.path.relpath(blob, path.parent), beside)
        except OSError:
            shutil.move(blob, path)  # no links here, as `huggingface_hub` does
        else:
            os.replace(beside, path)

    def refer(self, revision: str, commit: str) -> None:
        """Note the commit that a branch or a tag is at."""
        path = self.folder / "refs" / revision
        if revision == commit or _text(path) == commit:
            return
        with self._lock("refs", lambda: None):
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.spnl")
            beside.write_text(commit, encoding="ascii")
            os.replace(beside, path)

    def discard(self, file: HubFile) -> None:
        """Remove a file that is damaged, and its content."""
        self.path(file).unlink(missing_ok=True)
        self.blob(file).unlink(missing_ok=True)

    @contextmanager
    def _lock(self, name: str, told: Callable[[], None]) -> Iterator[None]:
        """While no other process has a lock; `told` is called where one has to be waited for."""
        from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # not in its __all__

        self._locks.mkdir(parents=True, exist_ok=True)
        path = self._locks / f"{name}.lock"
        with ExitStack() as stack:
            try:
                stack.enter_context(WeakFileLock(path, timeout=0.1))
            except TimeoutError:
                told()
                stack.enter_context(WeakFileLock(path))
            yield


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""


def _size(path: Path) -> int:
    """A file's size; below any where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
