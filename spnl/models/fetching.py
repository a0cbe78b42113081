"""Fetches what a model's name means from the hub into the cache: the files that are needed, and no others.

The hub lists a repository, `choice` chooses among what it lists as it does among files that are here, and
what is missing is brought over one file after another. A model that would be refused is refused before any
of its weights are fetched. Imports errors and the other modules of models.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spnl.errors import ModelError
from spnl.frozen import Frozen
from spnl.models.adapters import choose_adapter
from spnl.models.cache import cache_folder
from spnl.models.cache_writing import RepoCache
from spnl.models.choice import Choice, Refusal, choose
from spnl.models.files import size_of
from spnl.models.hub import Hub, HubFile, Listing
from spnl.models.hub_failures import HubRefusal, refused
from spnl.models.names import HubName
from spnl.models.progress import Progress
from spnl.models.refusals import refuse
from spnl.models.transfer import is_right, transfer

MAIN = "main"
"""The branch that is meant where no revision is asked for."""

_FULL = (errno.ENOSPC, errno.EDQUOT)


class Fetched(Frozen):
    """The files of a model at a commit, and where the cache has them now."""

    listing: Listing
    choice: Choice
    files: tuple[HubFile, ...]
    paths: tuple[Path, ...]


def fetch(
    name: HubName,
    environ: Mapping[str, str],
    progress: Progress,
    *,
    near: Sequence[str] = (),
    verify: bool = False,
    adapter: bool = False,
) -> Fetched:
    """Have the files of a model, or of an `adapter`, in the cache, fetching those that are missing.

    `near` are helps about names that may have been meant. With `verify`, the files that are here are compared
    with what the hub lists, and fetched again where they differ. Raises `ModelError`.
    """
    cache, revision = cache_folder(environ), name.revision or MAIN
    hub = Hub(environ, progress)
    try:
        listing = hub.listing(name.repo, revision)
        choice = choose_adapter(listing.names, name.repo) if adapter else _chosen(hub, listing, name)
        files = _listed(listing, choice)
        store = RepoCache(cache, listing)
        with _writing(cache):
            _bring(hub, store, listing, files, _Course(progress, choice, name, files, store), verify)
            store.refer(revision, listing.commit)
    except HubRefusal as refusal:
        raise refused(refusal, hub.address, name.repo, revision, has_token=hub.has_token, near=near) from None
    return Fetched(listing, choice, files, tuple(store.path(file) for file in files))


class _Course:
    """How a fetch goes, over all of its files: what is told to whoever watches."""

    def __init__(
        self, progress: Progress, choice: Choice, name: HubName, files: tuple[HubFile, ...], store: RepoCache
    ) -> None:
        self.progress = progress
        self._here = {file: store.here(file) for file in files}
        self.missing = sum(file.size for file in files) - sum(self._here.values())
        self._what = f"{name.repo}: {_shown(choice)}"
        self._begun = False

    def at(self, file: HubFile, here: int) -> None:
        """So much of a file is here now."""
        if not self._begun and here < file.size:
            self._begun = True
            self._here[file] = here
            size = sum(file.size for file in self._here)
            self.progress.begin(self._what, size, sum(self._here.values()))
        self._here[file] = here
        if self._begun:
            self.progress.at(sum(self._here.values()))

    def end(self, completed: bool) -> None:
        """The fetch is over."""
        if self._begun:
            self.progress.end(completed)


def _shown(choice: Choice) -> str:
    """The files of a choice, for people: the first, how many more, and why these."""
    more = f" and {len(choice.files) - 1} more" if len(choice.files) > 1 else ""
    return f"{choice.weights[0].rpartition('/')[2]}{more} ({choice.why})"


def _chosen(hub: Hub, listing: Listing, name: HubName) -> Choice:
    """The files that a name means in a listing; a `ModelError` where they are refused."""
    found = choose(listing.names, quant=name.quant, file=name.file, repo=name.repo)
    if isinstance(found, Choice) and found.kind == "safetensors":
        config = _config(hub, listing)
        found = choose(listing.names, quant=name.quant, file=name.file, repo=name.repo, config=config)
    if isinstance(found, Refusal):
        raise refuse(found, name.repo, is_folder=False, names=listing.names)
    return found


def _config(hub: Hub, listing: Listing) -> dict[str, Any]:
    """What a repository's config.json holds; nothing where that makes no sense, which loading says."""
    import json

    try:
        config = json.loads(hub.read(listing.repo, listing.commit, "config.json"))
    except (ValueError, RecursionError):
        return {}
    return config if isinstance(config, dict) else {}


def _listed(listing: Listing, choice: Choice) -> tuple[HubFile, ...]:
    """The chosen files, the small ones first: what is wrong with them shows before the large ones come."""
    by_name = {file.name: file for file in listing.files}
    small = [by_name[name] for name in choice.files if name not in choice.weights]
    return (*small, *(by_name[name] for name in choice.weights))


def _bring(
    hub: Hub, store: RepoCache, listing: Listing, files: tuple[HubFile, ...], course: _Course, verify: bool
) -> None:
    """Have files in the cache."""
    if course.missing:
        _require_room(store.folder, course.missing)
    completed = False
    try:
        for file in files:
            if verify or not store.has(file):
                _bring_one(hub, store, listing, file, course, verify)
        completed = True
    finally:
        course.end(completed)


def _bring_one(
    hub: Hub, store: RepoCache, listing: Listing, file: HubFile, course: _Course, verify: bool
) -> None:
    with store.locked(file, course.progress):
        if verify and store.here(file) == file.size and not is_right(_content(store, file), file):
            course.progress.note(f"{file.name} is damaged: fetching it again")
            store.discard(file)
        if store.has(file):
            course.at(file, file.size)
            return
        if store.here(file) != file.size or not store.blob(file).exists():
            address = hub.file_address(listing.repo, listing.commit, file.name)
            transfer(hub, address, file, store.partial(file), lambda here: course.at(file, here))
            store.accept(file)
        store.link(file)
        course.at(file, file.size)


def _content(store: RepoCache, file: HubFile) -> Path:
    return store.path(file) if store.has(file) else store.blob(file)


def _require_room(folder: Path, missing: int) -> None:
    """Refuse to begin what the disk cannot hold."""
    place = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(place).free
    if missing > free:
        raise _no_room(folder.parent, f"{size_of(missing)} are to be fetched, and {size_of(free)} are free")


@contextmanager
def _writing(cache: Path) -> Iterator[None]:
    """Around what writes the cache: what the system says against it is an error of the user's disk."""
    try:
        yield
    except ModelError:
        raise
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        if error.errno in _FULL:
            raise _no_room(cache, reason) from None
        raise ModelError(
            "bad-model-cache",
            f"the cache of models cannot be written: {reason}",
            notes=(f"it is {cache}",),
            helps=("set HF_HOME to a folder that can be written",),
        ) from None


def _no_room(cache: Path, why: str) -> ModelError:
    return ModelError(
        "no-disk-space",
        f"the disk has no room for this model: {why}",
        notes=(f"models are kept in {cache}",),
        helps=("free some room, name a smaller quantisation, or set HF_HOME to a folder on another disk",),
    )
