"""Between a model's name and its lock: what the name means here, and whether that is what is locked.

Files are told by what is in them, not by the names that a cache gives them: each is hashed once, and its
digest remembered (`digests`). Imports errors, locks and what finds files by their names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from spnl.config import read_config
from spnl.errors import ModelError
from spnl.frozen import Frozen
from spnl.models.adapters import ADAPTER_FILES
from spnl.models.cache import cache_folder, snapshot_of
from spnl.models.digests import digest_of_content
from spnl.models.listing import beside_weights
from spnl.models.locating import locate, locate_adapter
from spnl.models.lock import Lock, LockedFile, LockedModel, key_of
from spnl.models.names import HERE, HubName, split_adapter, with_adapter
from spnl.models.naming import resolve_model
from spnl.models.obtaining import obtain
from spnl.models.progress import Progress

_COMMIT = re.compile(r"[0-9a-f]{40}")


class _Found(Frozen):
    """What a name means here: files by their names, and whose they are."""

    files: dict[str, Path]
    repository: str | None
    revision: str | None


def lock_models(
    names: Iterable[str], path: str, environ: Mapping[str, str], progress: Progress, *, offline: bool = False
) -> Lock:
    """The lock, to be at `path`, of what models' names mean here and now; what is missing is fetched.

    Raises `ModelError`. `progress` is also told before a file is read that takes long.
    """
    models: dict[str, LockedModel] = {}
    servers: dict[str, None] = {}
    for name in names:
        found = resolve_model(name, read_config(environ))
        if found.backend == HERE:
            obtain(found.rest, environ, progress, offline=offline)
            models[key_of(name)] = _lock_model(found.rest, progress.note)
        else:
            servers[key_of(name)] = None
    return Lock(models, tuple(servers), path)


def obtain_locked(
    name: str, lock: Lock, environ: Mapping[str, str], progress: Progress, *, offline: bool = False
) -> str:
    """Have the files that a lock holds for a model's name on this machine; a name of exactly these.

    An alias or a short name means what it meant when it was locked. Raises `ModelError`: `not-locked`,
    `lock-differs`, and what hinders any other model.
    """
    locked = lock.find(name)
    found = resolve_model(name, read_config(environ))
    if (locked is None) != (found.backend != HERE):
        here = "a server" if found.backend != HERE else "this machine"
        raise _differs(name, lock, f"it is a model of {here}")
    if locked is None:
        return name
    rest = _pinned_name(found.rest, locked)
    obtain(rest, environ, progress, offline=offline)
    _require_locked(rest, locked, lock, progress.note)
    return f"{HERE}/{rest}"


def _lock_model(rest: str, notify: Callable[[str], None]) -> LockedModel:
    name, adapter = split_adapter(rest)
    locked = _locked(_model(name), notify)
    return locked if adapter is None else locked.but(adapter=_locked(_adapter(adapter), notify))


def _pinned_name(rest: str, locked: LockedModel) -> str:
    """The name, without a prefix, of exactly what is locked for `rest`: its commit and its file, at a hub."""
    name, adapter = split_adapter(rest)
    name = _pinned(name, locked)
    if locked.adapter is None:
        return name
    return with_adapter(name, _pinned(adapter or "", locked.adapter))


def _require_locked(rest: str, locked: LockedModel, lock: Lock, notify: Callable[[str], None]) -> None:
    """See that what a name without its prefix means here is what is locked."""
    name, adapter = split_adapter(rest)
    pairs = [(name, _model(name), locked)]
    if adapter is not None and locked.adapter is not None:
        pairs.append((adapter, _adapter(adapter), locked.adapter))
    for each, found, wanted in pairs:
        difference = _difference(found, wanted, notify)
        if difference is not None:
            pull = (f"`spnl pull {rest}` fetches again what is damaged",) if wanted.repository else ()
            raise _differs(each, lock, difference, *pull)


def _differs(name: str, lock: Lock, difference: str, *helps: str) -> ModelError:
    return ModelError(
        "lock-differs",
        f"`{name}` is not what the lock {lock.path} says: {difference}",
        helps=(*helps, "`spnl lock FILE` locks what is here now"),
    )


def _difference(found: _Found, locked: LockedModel, notify: Callable[[str], None]) -> str | None:
    """What differs, for people; the contents are read last."""
    wanted = {file.name: file for file in locked.files}
    if missing := sorted(wanted.keys() - found.files.keys()):
        return f"{missing[0]} is not there"
    if more := sorted(found.files.keys() - wanted.keys()):
        return f"{more[0]} is there too"
    for name, file in wanted.items():
        here = _size(found.files[name])
        if here != file.size:
            return f"{name} has {here} bytes, not {file.size}"
    for name, file in wanted.items():
        if _digest(found.files[name], notify) != file.sha256:
            return f"{name} has another content"
    return None


def _locked(found: _Found, notify: Callable[[str], None]) -> LockedModel:
    files = [
        LockedFile(name, _size(path), _digest(path, notify)) for name, path in sorted(found.files.items())
    ]
    return LockedModel(tuple(files), found.repository, found.revision)


def _pinned(name: str, locked: LockedModel) -> str:
    if locked.repository is None:
        return name
    first = locked.files[0].name
    file = first if first.lower().endswith(".gguf") else None
    return str(HubName(locked.repository, locked.revision, file=file))


def _model(name: str) -> _Found:
    model = locate(name)
    if model.kind == "folder":
        beside = beside_weights(path.name for path in model.path.iterdir())
        return _found(model.path, [*(model.path / each for each in beside), *model.files])
    return _found(model.path, model.files)


def _adapter(name: str) -> _Found:
    folder = locate_adapter(name)
    return _found(folder, [folder / file for file in ADAPTER_FILES])


def _found(place: Path, files: Sequence[Path]) -> _Found:
    """Files at a place, named from the top of their repository where they are a hub's."""
    whose = snapshot_of(place, cache_folder(os.environ))
    if whose is None or not _COMMIT.fullmatch(whose.commit):
        return _Found({file.name: file for file in files}, None, None)
    names = {file.relative_to(whose.folder).as_posix(): file for file in files}
    return _Found(names, whose.repo, whose.commit)


def _size(file: Path) -> int:
    with _readable(file):
        return file.stat().st_size


def _digest(file: Path, notify: Callable[[str], None]) -> str:
    with _readable(file):
        return digest_of_content(file, notify)


@contextmanager
def _readable(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ModelError("damaged-model", f"{file} cannot be read: {reason}") from None
