"""Finds the files of a model: by path, or in the Hugging Face cache by its name there.

Looks at names, sizes and first bytes only; whether a file is whole, and whether the engine can run what is in
it, comes later. No network is asked. Imports errors and the other modules of models.
"""

from __future__ import annotations

import os
from pathlib import Path

from spnl.config import read_config
from spnl.errors import ModelError, did_you_mean, nearest
from spnl.models.cache import (
    Snapshot,
    cache_folder,
    cached_repos,
    files_in,
    is_interrupted,
    repo_folder,
    revisions,
    snapshots,
)
from spnl.models.choice import Choice, Refusal, choose
from spnl.models.files import read_json, with_home
from spnl.models.ggml import is_ggml
from spnl.models.gguf import require_gguf
from spnl.models.listing import parts_of, plain
from spnl.models.local import LocalModel, NotHere
from spnl.models.mlx import is_mlx, original_name
from spnl.models.names import BUNDLED, PREFIXES, HubName, is_path, parse_hub
from spnl.models.naming import all_short
from spnl.models.quants import quant_in
from spnl.models.refusals import listing, mlx_model, refuse
from spnl.models.safetensors import has_mlx_tensors
from spnl.models.shelves import lying_here

_FOLDER_DEPTH = 2
_PERHAPS_AT_THE_HUB = (
    "no-such-file", "no-weights", "incomplete", "no-tokenizer", "unsupported-quantisation"
)  # fmt: skip
"""What is wrong with a snapshot in the cache where more of its repository may put it right."""


def find(rest: str) -> LocalModel:
    """The files of a model that does not come with the package (`spnl.models.locating.locate`)."""
    hub = parse_hub(rest)
    path = Path(os.path.expanduser(rest))
    try:
        if hub is None:
            return _at(path)
        return _of_hub(hub, rest, path if is_path(rest) else None)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ModelError("no-such-model", f"{rest} cannot be read: {reason}") from None


def _of_hub(hub: HubName, rest: str, path: Path | None) -> LocalModel:
    """A model of the cache; what can be a path too (`a/b/x.gguf`) is one where the cache has no such file."""
    try:
        return cached_model(hub, rest)
    except ModelError:
        if path is not None and os.path.exists(path):
            return _at(path)
        if path is not None and not _is_cached(hub):
            raise NotHere(_missing(path), hub) from None
        raise


def folder_of(name: str) -> Path:
    """The folder of what goes with a model: a path, or a repository in the cache, whatever it holds.

    A `ModelError` `no-such-model` where it is not on this machine.
    """
    path = Path(os.path.expanduser(name))
    if os.path.isdir(path):
        return path
    hub = None if is_path(name) else parse_hub(name)
    if hub is None:
        raise _missing(path)
    folder = repo_folder(cache_folder(os.environ), hub.repo)
    for snapshot in snapshots(folder, hub.revision):
        return snapshot.folder
    raise _not_cached(hub, name, folder)


def cached_model(hub: HubName, rest: str) -> LocalModel:
    """The model that a name of Hugging Face means, in the cache. Raises `ModelError`."""
    folder = repo_folder(cache_folder(os.environ), hub.repo)
    refused: list[ModelError] = []
    for snapshot in snapshots(folder, hub.revision):
        found = chosen(hub, snapshot)
        if isinstance(found, Choice):
            return _model(found, snapshot.folder, _cached_name(hub, found), hub.repo)
        error: ModelError = refuse(found, hub.repo, is_folder=False, names=snapshot.names)
        if found.kind in ("no-such-file", "no-weights", "incomplete") and is_interrupted(folder):
            error.notes += ("a download of it was interrupted",)
        if found.kind == "mlx":
            error.helps = (*_ggufs_here(hub.repo), *error.helps)
        elif found.kind in _PERHAPS_AT_THE_HUB:
            error = NotHere(error, hub)
        refused.append(error)
    if hub.revision is None and (elsewhere := _on_a_shelf(hub, refused)) is not None:
        return elsewhere
    if refused:
        raise next((error for error in refused if error.id != "not-a-model"), refused[0])
    raise _not_cached(hub, rest, folder)


def _on_a_shelf(hub: HubName, refused: list[ModelError]) -> LocalModel | None:
    """The model in a folder beside the cache; what is there and cannot be used is added to `refused`."""
    for place in lying_here(os.environ, hub.repo):
        file = f"{place.prefix}{hub.file}" if hub.file else None
        found = chosen(hub.but(file=file), place.snapshot)
        if isinstance(found, Choice):
            return _model(found, place.snapshot.folder, _cached_name(hub, found), hub.repo)
        error = refuse(found, hub.repo, is_folder=False, names=place.snapshot.names)
        refused.append(NotHere(error, hub) if found.kind in _PERHAPS_AT_THE_HUB else error)
    return None


def chosen(hub: HubName, snapshot: Snapshot) -> Choice | Refusal:
    """What a name means in a snapshot."""
    config = _config(snapshot.folder, snapshot.names)
    return choose(snapshot.names, quant=hub.quant, file=hub.file, repo=hub.repo, config=config)


def _config(folder: Path, names: tuple[str, ...]) -> dict[str, object] | None:
    """What config.json says, where it matters: beside safetensors."""
    matters = "config.json" in names and any(name.endswith(".safetensors") for name in names)
    return read_json(folder / "config.json") if matters else None


def _model(choice: Choice, folder: Path, name: str, what: str) -> LocalModel:
    """The chosen files of a folder, once their first bytes have been looked at."""
    files = tuple(folder / file for file in choice.weights)
    if choice.kind == "gguf":
        for file in files:
            require_gguf(file)
        quant = str(choice.quant) or None
        return LocalModel("gguf", files[0], files, name, _size(files), quant, choice.why)
    _require_shards(folder)
    if has_mlx_tensors(files[0]):
        raise mlx_model(what)
    return LocalModel("folder", folder, files, name, _size(files), None, choice.why)


def _cached_name(hub: HubName, choice: Choice) -> str:
    """The name of what was chosen, for people: one could type it."""
    return str(hub.but(quant=str(choice.quant) or None, file=hub.file if not str(choice.quant) else None))


def _is_cached(hub: HubName) -> bool:
    return repo_folder(cache_folder(os.environ), hub.repo).is_dir()


def _at(path: Path) -> LocalModel:
    # os.path answers no where a path cannot be looked at; pathlib raises for some of them.
    if os.path.isdir(path):
        return _folder(path)
    if os.path.isfile(path):
        return _ggml(path) if is_ggml(path) else _gguf(path, path.name)
    if os.path.exists(path):
        raise ModelError("not-a-model", f"{path} is neither a file nor a folder")
    raise _missing(path)


def _gguf(path: Path, name: str) -> LocalModel:
    files = _parts(path)
    for file in files:
        require_gguf(file)
    quant = str(quant_in(path.name.rpartition(".")[0])[0]) or None
    return LocalModel("gguf", files[0], files, name, _size(files), quant)


def _ggml(path: Path) -> LocalModel:
    return LocalModel("ggml", path, (path,), path.name, _size((path,)))


def _parts(path: Path) -> tuple[Path, ...]:
    """All files of a model that is split, given any of them."""
    files = tuple(path.with_name(name) for name in parts_of(path.name))
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise ModelError(
            "damaged-model",
            f"{path} is one part of a model, of which parts are missing",
            notes=(f"not in {path.parent}: {listing(missing)}",),
            helps=("fetch the missing parts into the same folder",),
        )
    return files


def _folder(path: Path) -> LocalModel:
    names = files_in(path, _FOLDER_DEPTH)
    name = path.name or path.resolve().name or str(path)
    found = choose(names, repo=_repo_of(path), config=_config(path, names))
    if isinstance(found, Refusal):
        raise refuse(found, str(path), is_folder=True, names=sorted(os.listdir(path)))
    if found.kind == "gguf":
        name = Path(found.files[0]).name
    return _model(found, path, name, str(path))


def _repo_of(path: Path) -> str:
    """The name of the repository that a folder is a copy of, as LM Studio and others lay folders out."""
    return "/".join(path.resolve().parts[-2:])


def _require_shards(path: Path) -> None:
    """Refuse a folder whose weights are not all there, as its index lists them."""
    shards = read_json(path / "model.safetensors.index.json").get("weight_map")
    listed = {str(name) for name in shards.values()} if isinstance(shards, dict) else set()
    missing = sorted(name for name in listed if not (path / name).is_file())
    if missing:
        raise ModelError(
            "damaged-model",
            f"parts of the model in {path} are missing: {listing(missing)}",
            helps=("fetch the missing parts into the folder",),
        )


def _size(files: tuple[Path, ...]) -> int:
    return sum(file.stat().st_size for file in files)


def _missing(path: Path) -> ModelError:
    near = did_you_mean(path.name, os.listdir(path.parent)) if os.path.isdir(path.parent) else ()
    looked = () if path.is_absolute() else (f"looked in {Path.cwd()}",)
    return ModelError("no-such-model", f"there is no file or folder {path}", notes=looked, helps=near)


def _not_cached(hub: HubName, rest: str, folder: Path) -> ModelError:
    """The error for a name of Hugging Face that is not in the cache, or for a misspelt one."""
    if is_mlx(hub.repo, None):
        error = mlx_model(hub.repo)
        error.helps = (*_ggufs_here(hub.repo), *error.helps)
        return error
    helps = _near(hub, rest)
    notes = [f"looked in {with_home(folder.parent)}"]
    if there := revisions(folder):
        notes.append(f"of {hub.repo} there is {listing(there)}")
    elif is_interrupted(folder):
        notes.append("a download of it was interrupted")
    path = "give a path to a .gguf file or to a folder with a model, as in `./model.gguf`"
    message = f"the model `{rest}` is not on this machine"
    error = ModelError("no-such-model", message, notes=notes, helps=(*helps, path))
    return NotHere(error, hub) if "/" in hub.repo else error


def _near(hub: HubName, rest: str) -> tuple[str, ...]:
    """What a misspelt name was meant to be: a cached repository, the bundled model, or another prefix."""
    if "/" not in hub.repo and hub.quant is not None:
        near = did_you_mean(f"{hub.repo}:{hub.quant}", all_short(read_config(os.environ).aliases))
        if near:
            return near
    known = {name.lower(): name for name in (*cached_repos(cache_folder(os.environ)), BUNDLED)}
    known |= {alias.lower(): alias for alias in read_config(os.environ).aliases}
    found = nearest(hub.repo.lower(), known)
    if found is not None:
        return (f"did you mean `{hub.but(repo=known[found])}`?",) if known[found] != hub.repo else ()
    organisation, slash, model = rest.partition("/")
    if slash and organisation not in PREFIXES:
        near = did_you_mean(organisation, PREFIXES)
        return tuple(help.replace("`?", f"/{model}`?") for help in near)
    return ()


def _ggufs_here(repo: str) -> tuple[str, ...]:
    """Repositories in the cache that hold GGUF files of the model that an MLX repository was made of."""
    wanted = plain(original_name(repo))
    cached = cached_repos(cache_folder(os.environ))
    here = [name for name in cached if "gguf" in name.lower() and plain(name.rpartition("/")[2]) == wanted]
    return (f"on this machine is {listing([f'`{name}`' for name in here])}",) if here else ()
