"""Folders of models beside Hugging Face's cache: those of the configuration, LM Studio's, and llama.cpp's.

    the user's     FOLDER/ORG/REPO/…, FOLDER/REPO/… or FOLDER/x.gguf
    LM Studio's    ~/.lmstudio/models/ORG/REPO/…, before version 0.3 ~/.cache/lm-studio/models
    llama.cpp's    ORG_REPO_FILE in LLAMA_CACHE, or in `llama.cpp` where the platform has caches

A repository that lies there is found under its name, after the cache has been looked in. Nothing here is ever
written or deleted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from spnl.config import read_config
from spnl.frozen import Frozen
from spnl.models.cache import Snapshot, files_in
from spnl.models.listing import is_gguf

_DEPTH = 2  # folders below a repository's own: for the quantisations, each with its parts


class Shelf(Frozen):
    """A folder of models. In a flat one the names of files begin with those of their repositories."""

    folder: Path
    is_flat: bool = False


class Place(Frozen):
    """Where a model lies: its name as one types it, its files, and what their names begin with."""

    name: str
    snapshot: Snapshot
    prefix: str = ""


def shelves(environ: Mapping[str, str]) -> list[Shelf]:
    """The folders to look in, in that order, whether they are there or not."""
    home = Path(os.path.expanduser("~"))
    return [
        *(Shelf(Path(folder)) for folder in read_config(environ).folders),
        Shelf(home / ".lmstudio" / "models"),
        Shelf(home / ".cache" / "lm-studio" / "models"),
        Shelf(_llama_cpp(environ, home), is_flat=True),
    ]


def _llama_cpp(environ: Mapping[str, str], home: Path) -> Path:
    """As `fs_get_cache_directory` in llama.cpp's common.cpp has it."""
    if environ.get("LLAMA_CACHE"):
        return Path(environ["LLAMA_CACHE"])
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "llama.cpp"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA", home)) / "llama.cpp"
    return Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "llama.cpp"


def lying_here(environ: Mapping[str, str], repo: str) -> Iterator[Place]:
    """The places where a repository lies; nothing is opened."""
    for shelf in shelves(environ):
        if shelf.is_flat:
            prefix = repo.replace("/", "_") + "_"
            names = tuple(name for name in files_in(shelf.folder, 0) if name.startswith(prefix))
            if names:
                yield Place(repo, Snapshot(shelf.folder, names), prefix)
            continue
        for below in dict.fromkeys((repo, repo.rpartition("/")[2])):
            if (shelf.folder / below / "").is_dir():
                names = files_in(shelf.folder / below, _DEPTH)
                yield Place(repo, Snapshot(shelf.folder / below, names))


def all_places(environ: Mapping[str, str]) -> Iterator[Place]:
    """Every folder or file that may be a model, each under the name by which it is found."""
    for shelf in shelves(environ):
        names = files_in(shelf.folder, 0 if shelf.is_flat else _DEPTH + 1)
        below: dict[str, list[str]] = {}
        for name in names:
            folder, _, file = name.rpartition("/")
            parts = folder.split("/") if folder else []
            if not parts and is_gguf(file):
                yield Place(str(shelf.folder / file), Snapshot(shelf.folder, (file,)))
            elif parts:
                below.setdefault("/".join(parts[:2]), []).append(name)
        for repo, inside in below.items():
            kept = tuple(name[len(repo) + 1 :] for name in inside)
            yield Place(repo, Snapshot(shelf.folder / repo, kept))
