"""The models that are on this machine and can be asked for by name: the bundled one, and those in the cache.

Of each only the beginning of a header is read: there may be hundreds. Imports errors, frozen records and the
other modules of models.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from spnl.errors import ModelError
from spnl.frozen import Frozen
from spnl.models.cache import Snapshot, cached_repos, repo_folder, snapshots
from spnl.models.choice import Choice
from spnl.models.description import context_in, quantisation_in
from spnl.models.files import read_json
from spnl.models.finding import chosen
from spnl.models.gguf import read_header, read_summary
from spnl.models.listing import GgufGroup, gguf_groups
from spnl.models.local import BUNDLED_FILE
from spnl.models.names import BUNDLED, HubName
from spnl.models.shelves import all_places


class Listed(Frozen):
    """A model that is here. `name` is what one types; `path` is its first file, or its folder."""

    name: str
    size: int
    quantisation: str | None
    context: int | None
    path: Path


def models_here(cache: Path) -> Iterator[Listed]:
    """The models of this machine: the bundled one first, those of the cache by name, those of other folders.

    What is damaged is left out.
    """
    yield _of_files(BUNDLED, (BUNDLED_FILE,), None)
    listed = set()
    for repo in cached_repos(cache):
        listed.add(repo)
        yield from _of_repo(repo, snapshots(repo_folder(cache, repo)))
    for place in all_places(os.environ):
        if place.name not in listed:
            yield from _of_repo(place.name, [place.snapshot])


def _of_repo(repo: str, states: Iterable[Snapshot]) -> Iterator[Listed]:
    """The models of a repository, each quantisation once: that of the preferred snapshot."""
    places: dict[str, tuple[Snapshot, GgufGroup]] = {}
    folders: list[Listed] = []
    for snapshot in states:
        for group in gguf_groups(snapshot.names):
            if group.quant.runs and not group.missing:
                places.setdefault(group.name, (snapshot, group))
        if not folders and not places:
            folders.extend(_of_safetensors(repo, snapshot))
    counts = Counter(str(group.quant) for _, group in places.values())
    for snapshot, group in sorted(places.values(), key=lambda place: (place[1].quant.rank, place[1].name)):
        quant = str(group.quant)
        name = HubName(repo, None, quant) if counts[quant] == 1 and quant else HubName(repo, file=group.name)
        try:
            files = tuple(snapshot.folder / file for file in group.files)
            yield _of_files(repo if len(places) == 1 else str(name), files, quant or None)
        except (ModelError, OSError):
            continue
    yield from folders


def _of_files(name: str, files: tuple[Path, ...], quant: str | None) -> Listed:
    summary = read_summary(files[0])
    if quant is None and "general.file_type" not in summary.metadata:
        summary = read_header(files[0])
    size = sum(file.stat().st_size for file in files)
    return Listed(name, size, quant or summary.quantisation, summary.context_length, files[0])


def _of_safetensors(repo: str, snapshot: Snapshot) -> Iterator[Listed]:
    try:
        found = chosen(HubName(repo), snapshot)
        if isinstance(found, Choice) and found.kind == "safetensors":
            config = read_json(snapshot.folder / "config.json")
            size = sum((snapshot.folder / file).stat().st_size for file in found.weights)
            yield Listed(repo, size, quantisation_in(config), context_in(config), snapshot.folder)
    except (ModelError, OSError):
        return
