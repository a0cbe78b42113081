"""The Hugging Face cache on this machine, read as it lies there: no network, and none of Hugging Face's code.

A repository is a folder `models--ORG--NAME`. In it `refs/main` names the commit that a branch or tag was at,
`snapshots/COMMIT` has the files under their names, as symbolic links into `blobs` or, where the system has
none, as files. A download that was interrupted leaves `blobs/….incomplete` or a link to nothing; neither is
a file. Imports frozen records only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from spnl.frozen import Frozen

_PREFIX = "models--"
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_MOST_FILES = 10_000
_MOST_FOLDERS = 1_000


class Snapshot(Frozen):
    """One state of a repository: its folder, and the names of the files in it that are there, sorted."""

    folder: Path
    names: tuple[str, ...]


class Place(Frozen):
    """The folder of one state of a repository, and its commit."""

    repo: str
    commit: str
    folder: Path


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where the cache is, as Hugging Face's own library finds it."""
    for variable, below in (
        ("HF_HUB_CACHE", ""),
        ("HUGGINGFACE_HUB_CACHE", ""),
        ("HF_HOME", "hub"),
        ("XDG_CACHE_HOME", "huggingface/hub"),
    ):
        if environ.get(variable):
            return Path(os.path.expanduser(os.path.expandvars(environ[variable]))) / below
    return Path(os.path.expanduser("~/.cache/huggingface/hub"))


def cached_repos(cache: Path) -> list[str]:
    """The names of all repositories of models in the cache, whatever there is of them, sorted."""
    try:
        with os.scandir(cache) as entries:
            folders = [entry.name for entry in entries if entry.name.startswith(_PREFIX) and entry.is_dir()]
    except OSError:
        return []
    return sorted(name.removeprefix(_PREFIX).replace("--", "/", 1) for name in folders)


def repo_folder(cache: Path, repo: str) -> Path:
    """Where the cache keeps a repository, whether it is there or not."""
    return cache / (_PREFIX + repo.replace("/", "--"))


def snapshot_of(path: Path, cache: Path) -> Place | None:
    """The snapshot in a cache that a path is of, or in; None for any other path."""
    if not path.is_relative_to(cache):
        return None
    repo, *inside = path.relative_to(cache).parts or ("",)
    if not repo.startswith(_PREFIX) or len(inside) < 2 or inside[0] != "snapshots":
        return None
    name = repo.removeprefix(_PREFIX).replace("--", "/", 1)
    return Place(name, inside[1], cache / repo / inside[0] / inside[1])


def snapshots(folder: Path, revision: str | None = None) -> Iterator[Snapshot]:
    """The states of a repository in the order in which they are wanted.

    Those of the revision that is asked for: a branch, a tag, or a commit or its beginning. Without one,
    `main` first, then the others, the newest first.
    """
    commits = _commits(folder)
    if revision is not None:
        wanted = _of_revision(folder, revision, commits)
    else:
        main = _reference(folder, "main")
        wanted = [main] if main in commits else []
        wanted += [commit for commit in commits if commit != main]
    for commit in wanted:
        place = folder / "snapshots" / commit
        yield Snapshot(place, files_in(place))


def is_interrupted(folder: Path) -> bool:
    """Whether a download of a repository was begun and not ended."""
    return any(folder.glob("blobs/*.incomplete"))


def revisions(folder: Path) -> list[str]:
    """What of a repository is in the cache: its branches and tags, else its commits."""
    references = folder / "refs"
    named = [name for name in files_in(references) if _reference(folder, name) in _commits(folder)]
    return named or _commits(folder)


def files_in(folder: Path, depth: int = 8) -> tuple[str, ...]:
    """The names of the files below a folder, with `/`, sorted, without links to nothing and partial files."""
    found: list[str] = []
    pending = [("", depth)]
    visited = 0
    while pending and len(found) < _MOST_FILES and visited < _MOST_FOLDERS:
        below, left = pending.pop()
        visited += 1
        try:
            with os.scandir(folder / below) as entries:
                for entry in entries:
                    name = f"{below}/{entry.name}" if below else entry.name
                    if _is_file(entry):
                        found.append(name)
                    elif left and entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                        pending.append((name, left - 1))
        except OSError:
            continue
    return tuple(sorted(found))


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file() and not entry.name.endswith((".incomplete", ".lock", ".part"))
    except OSError:
        return False


def _commits(folder: Path) -> list[str]:
    """The commits that there are snapshots of, the newest first."""
    try:
        with os.scandir(folder / "snapshots") as entries:
            places = [(entry.stat().st_mtime_ns, entry.name) for entry in entries if entry.is_dir()]
    except OSError:
        return []
    return [name for _, name in sorted(places, reverse=True)]


def _of_revision(folder: Path, revision: str, commits: list[str]) -> list[str]:
    named = _reference(folder, revision)
    if named in commits:
        return [named]
    if revision in commits:
        return [revision]
    begun = [commit for commit in commits if commit.startswith(revision)]
    return begun if len(begun) == 1 and _COMMIT.fullmatch(revision) else []


def _reference(folder: Path, name: str) -> str:
    """The commit that a branch or a tag was at; empty where the cache does not say."""
    try:
        with (folder / "refs" / name).open("rb") as file:
            return file.read(100).decode("ascii", "replace").strip()
    except OSError:
        return ""
