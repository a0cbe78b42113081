"""A Hugging Face cache laid out in a folder: repositories, snapshots, references, blobs and links."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


class Cache:
    """A cache under construction. `home` is what `HF_HOME` is set to."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "hub"

    def repo(self, name: str) -> Path:
        """The folder of a repository."""
        return self.folder / ("models--" + name.replace("/", "--"))

    def add(
        self,
        name: str,
        files: dict[str, Path | bytes],
        *,
        commit: str = "a" * 40,
        refs: tuple[str, ...] = ("main",),
        copies: bool = False,
        age: int = 0,
    ) -> Path:
        """Add a snapshot, its files as links into `blobs` or as copies; `age` seconds old."""
        repo = self.repo(name)
        place = repo / "snapshots" / commit
        place.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            target = place / file
            target.parent.mkdir(parents=True, exist_ok=True)
            blob = target if copies else repo / "blobs" / f"{commit[:7]}-{file.replace('/', '-')}"
            blob.parent.mkdir(exist_ok=True)
            if isinstance(content, bytes):
                blob.write_bytes(content)
            else:
                shutil.copy(content, blob)
            if not copies:
                target.symlink_to(os.path.relpath(blob, target.parent))
        for ref in refs:
            path = repo / "refs" / ref
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(commit, encoding="ascii")
        stamp = place.stat().st_mtime - age
        os.utime(place, (stamp, stamp))
        return place
