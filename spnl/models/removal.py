"""Removes models from the Hugging Face cache, and from nowhere else.

A content (`blobs/…`) may belong to several revisions, and to several names in one: it goes with the last name
that leads to it. What names a content goes before it, so that whenever the process is killed, whatever the
cache still lists is whole. `huggingface_hub` deletes whole revisions only, where a user means one file of a
repository; its locks are taken, so that nothing is removed that is being fetched. Imports errors and the
other modules of models.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from spnl.errors import ModelError, UsageError, did_you_mean
from spnl.frozen import Frozen
from spnl.models.cache import cache_folder, cached_repos, repo_folder, revisions, snapshots
from spnl.models.files import with_home
from spnl.models.listing import GgufGroup, gguf_groups, parts_of
from spnl.models.names import BUNDLED, HubName, is_path, parse_hub, split_adapter
from spnl.models.refusals import listing
from spnl.models.shelves import lying_here


class Removal(Frozen):
    """What is to be removed: the name that was given, the folder of its repository, and its files there.

    `files` are in snapshots; they are empty where the whole repository is meant.
    """

    name: str
    folder: Path
    files: tuple[Path, ...] = ()


def plan_removal(rest: str, environ: Mapping[str, str]) -> Removal:
    """What a model's name without its prefix means to remove.

    A repository alone means all of it; a revision, a quantisation or a file means that. Raises `UsageError`
    `not-removable` for what is not spnl's to delete, and `ModelError` `no-such-model`.
    """
    name, adapter = split_adapter(rest)
    if adapter is not None:
        raise _not_removable(f"`{rest}` is a model with an adapter", f"name one of them: `{name}`")
    if name == BUNDLED:
        raise _not_removable(f"`{BUNDLED}` comes with spnl", "it goes with spnl, and takes 4 MB")
    hub, cache = parse_hub(name), cache_folder(environ)
    folder = repo_folder(cache, hub.repo) if hub is not None else None
    if hub is None or folder is None or not os.path.isdir(folder):
        raise _elsewhere(name, hub, cache, environ)
    if hub == HubName(hub.repo):
        return Removal(str(hub), folder)
    files = tuple(_named_files(hub, folder))
    if not files:
        there = listing(sorted({_shown(group) for group in _groups(folder)}) or revisions(folder))
        raise ModelError(
            "no-such-model", f"there is no {hub} in the cache", notes=(f"of {hub.repo} there is {there}",)
        )
    return Removal(str(hub), folder, files)


def size_of_removal(removal: Removal) -> int:
    """How many bytes a removal frees, as the cache is now."""
    return sum(_size(path) for path in _contents(removal))


def remove(removal: Removal) -> int:
    """Remove it; how many bytes that freed. What another process has removed meanwhile is no error.

    A `ModelError` says what hinders: `being-fetched`, `bad-model-cache`.
    """
    folder = removal.folder
    try:
        with _not_being_fetched(folder, removal.name):
            contents = {path: _size(path) for path in _contents(removal)}
            if removal.files:
                for path in (*removal.files, *contents):
                    path.unlink(missing_ok=True)
                _tidy(folder)
            if not removal.files or not any(_entries(folder)):
                # The names first: what is left of a removal that is killed is no model.
                for part in (folder / "snapshots", folder):
                    if os.path.lexists(part):
                        shutil.rmtree(part)
            return sum(size for path, size in contents.items() if not os.path.lexists(path))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ModelError(
            "bad-model-cache",
            f"{removal.name} cannot be removed: {reason}",
            notes=(f"it is in {folder}",),
        ) from None


def _named_files(hub: HubName, folder: Path) -> Iterator[Path]:
    """The files in snapshots that a name means, in the revision that it names or in all of them."""
    for snapshot in snapshots(folder, hub.revision):
        names = set(snapshot.names)
        if hub.quant is not None:
            named = [group for group in gguf_groups(snapshot.names) if group.quant.is_asked_by(hub.quant)]
            exactly = [group for group in named if str(group.quant).upper() == hub.quant.upper()] or named
            if len(exactly) > 1:
                several = listing([f"{hub.repo}/{group.name}" for group in exactly])
                raise _not_removable(f"{hub} is several models", f"name one of them: {several}")
            names = {file for group in exactly for file in group.files}
        elif hub.file is not None:
            names &= set(parts_of(hub.file)) | {hub.file}
        else:
            yield from _entries(folder, snapshot.folder)
            continue
        yield from (snapshot.folder / name for name in sorted(names))


def _groups(folder: Path) -> Iterator[GgufGroup]:
    for snapshot in snapshots(folder):
        yield from gguf_groups(snapshot.names)


def _shown(group: GgufGroup) -> str:
    return str(group.quant) or group.name


def _contents(removal: Removal) -> Iterator[Path]:
    """The files with bytes that go: contents that nothing else leads to, and copies in snapshots."""
    folder = removal.folder
    if not removal.files:
        yield from (path for path in _entries(folder, folder) if not path.is_symlink())
        return
    going = set(removal.files)
    kept = {_content(folder, path) for path in _entries(folder) if path not in going}
    for content in dict.fromkeys(_content(folder, path) for path in removal.files):
        if content is not None and content not in kept:
            yield content


def _content(folder: Path, path: Path) -> Path | None:
    """Where the bytes of a snapshot's file are: its blob, or itself; None where a link leads elsewhere."""
    if not path.is_symlink():
        return path
    target = Path(os.path.normpath(path.parent / os.readlink(path)))
    return target if target.parent == folder / "blobs" else None


def _entries(folder: Path, below: Path | None = None) -> Iterator[Path]:
    """Every file and link in the snapshots of a repository, or below a folder of it: none is left out."""
    for place, _, names in os.walk(below or folder / "snapshots", onerror=_raise_unless_gone):
        yield from (Path(place) / name for name in names)


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _tidy(folder: Path) -> None:
    """Remove the folders of snapshots that became empty, and the names of commits that are gone."""
    for place, _, _ in os.walk(folder / "snapshots", topdown=False):
        with suppress(OSError):
            if Path(place) != folder / "snapshots":
                os.rmdir(place)
    for path in list(_entries(folder, folder / "refs")):
        if not (folder / "snapshots" / path.read_text(encoding="ascii", errors="replace").strip()).is_dir():
            path.unlink(missing_ok=True)


@contextmanager
def _not_being_fetched(folder: Path, name: str) -> Iterator[None]:
    """While this process has all locks of a repository; `ModelError` where another has one."""
    locks = sorted((folder.parent / ".locks" / folder.name).glob("*.lock"))
    with ExitStack() as stack:
        for path in locks:
            from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]  # not in its __all__

            try:
                stack.enter_context(WeakFileLock(path, timeout=0.1))
            except TimeoutError:
                raise ModelError(
                    "being-fetched",
                    f"{name} cannot be removed: another process is fetching files of it",
                    helps=("wait for its end, or stop it",),
                ) from None
        yield


def _elsewhere(name: str, hub: HubName | None, cache: Path, environ: Mapping[str, str]) -> Exception:
    """The error for what is not in the cache: what it is instead, or what was meant."""
    if hub is not None:
        for place in lying_here(environ, hub.repo):
            return _not_removable(
                f"{hub.repo} is not in Hugging Face's cache",
                f"delete it yourself: it is in {with_home(place.snapshot.folder)}",
            )
    if hub is None or is_path(name) or os.path.exists(name):
        return _not_removable(f"`{name}` is a path, and spnl removes from Hugging Face's cache only",
                              "delete the file or the folder yourself")  # fmt: skip
    near = did_you_mean(hub.repo, cached_repos(cache))
    notes = (f"looked in {with_home(cache)}",)
    return ModelError("no-such-model", f"`{name}` is not on this machine", notes=notes, helps=near)


def _not_removable(message: str, help: str) -> UsageError:
    return UsageError("not-removable", message, helps=(help,))


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
