"""Finds the files of a model on this machine.

`locate` looks at names, sizes and first bytes only; whether a file is whole, and whether the engine can
run what is in it, comes later. Imports errors, frozen records and the other modules of models.
"""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import Literal

from spnl.errors import ModelError, did_you_mean
from spnl.frozen import Frozen
from spnl.models.files import read_json
from spnl.models.gguf import require_gguf
from spnl.models.names import BUNDLED, PREFIXES, is_path

BUNDLED_FILE = Path(__file__).parent.parent / "data" / "tiny.gguf"

_PART = re.compile(r"(?P<base>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
_LOOKED_FOR = "a folder holds a model as config.json and *.safetensors, or as one *.gguf file"
_LISTED = 8


class LocalModel(Frozen):
    """A model on this machine.

    `path` is the file, the first file of a split one, or the folder; `files` are those with weights,
    `name` is for people, and `size` is in bytes.
    """

    kind: Literal["gguf", "folder"]
    path: Path
    files: tuple[Path, ...]
    name: str
    size: int


def locate(rest: str) -> LocalModel:
    """The files of a model's name without its prefix.

    A `ModelError` says what hinders: `no-such-model`, `not-a-model`, `damaged-model`.
    """
    if rest == BUNDLED:
        return _gguf(BUNDLED_FILE, BUNDLED)
    if not is_path(rest):
        raise _unknown(rest)
    path = Path(os.path.expanduser(rest))
    try:
        return _at(path)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ModelError("no-such-model", f"{path} cannot be read: {reason}") from None


def _at(path: Path) -> LocalModel:
    # os.path answers no where a path cannot be looked at; pathlib raises for some of them.
    if os.path.isdir(path):
        return _folder(path)
    if os.path.isfile(path):
        return _gguf(path, path.name)
    if os.path.exists(path):
        raise ModelError("not-a-model", f"{path} is neither a file nor a folder")
    raise _missing(path)


def _gguf(path: Path, name: str) -> LocalModel:
    files = _parts(path)
    for file in files:
        require_gguf(file)
    return LocalModel("gguf", files[0], files, name, _size(files))


def _parts(path: Path) -> tuple[Path, ...]:
    """All files of a model that is split, as llama.cpp names them: `…-00001-of-00003.gguf`."""
    part = _PART.fullmatch(path.name)
    if part is None:
        return (path,)
    count = int(part["count"])
    names = (f"{part['base']}-{index:05}-of-{count:05}.gguf" for index in range(1, count + 1))
    files = tuple(path.with_name(name) for name in names)
    missing = [file.name for file in files if not file.is_file()]
    if missing or not files:
        raise ModelError(
            "damaged-model",
            f"{path} is one part of a model, of which parts are missing",
            notes=(f"not in {path.parent}: {_listing(missing)}",),
            helps=("fetch the missing parts into the same folder",),
        )
    return files


def _folder(path: Path) -> LocalModel:
    weights = tuple(sorted(path.glob("*.safetensors")))
    if read_json(path / "config.json") and weights:
        _require_shards(path)
        return LocalModel("folder", path, weights, _folder_name(path), _size(weights))
    models = [file for file in sorted(path.glob("*.gguf")) if _is_first_of_model(file)]
    if len(models) == 1:
        return _gguf(models[0], models[0].name)
    if models:
        raise ModelError(
            "not-a-model",
            f"{path} holds {len(models)} models",
            helps=(f"name one of them: {_listing([str(file) for file in models])}",),
        )
    raise ModelError("not-a-model", f"there is no model in {path}", notes=_contents(path))


def _is_first_of_model(file: Path) -> bool:
    """Whether a GGUF file stands for a model: no later part of one, no image encoder beside one."""
    part = _PART.fullmatch(file.name)
    return (part is None or int(part["index"]) == 1) and not file.name.lower().startswith("mmproj")


def _require_shards(path: Path) -> None:
    """Refuse a folder whose weights are not all there, as its index lists them."""
    shards = read_json(path / "model.safetensors.index.json").get("weight_map")
    listed = {str(name) for name in shards.values()} if isinstance(shards, dict) else set()
    missing = sorted(name for name in listed if not (path / name).is_file())
    if missing:
        raise ModelError(
            "damaged-model",
            f"parts of the model in {path} are missing: {_listing(missing)}",
            helps=("fetch the missing parts into the folder",),
        )


def _contents(path: Path) -> tuple[str, ...]:
    names = sorted(file.name for file in path.iterdir())
    return (_LOOKED_FOR, f"it holds {_listing(names)}" if names else "it is empty")


def _listing(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _folder_name(path: Path) -> str:
    return path.name or path.resolve().name or str(path)


def _size(files: tuple[Path, ...]) -> int:
    return sum(file.stat().st_size for file in files)


def _missing(path: Path) -> ModelError:
    near = did_you_mean(path.name, os.listdir(path.parent)) if os.path.isdir(path.parent) else ()
    looked = () if path.is_absolute() else (f"looked in {Path.cwd()}",)
    return ModelError("no-such-model", f"there is no file or folder {path}", notes=looked, helps=near)


def _unknown(rest: str) -> ModelError:
    """The error for a name that is not a path: a Hugging Face id, or a misspelt name."""
    organisation, slash, model = rest.partition("/")
    if slash and organisation not in PREFIXES:
        near = did_you_mean(organisation, PREFIXES)
        helps = tuple(help.replace("`?", f"/{model}`?") for help in near)
    else:
        helps = did_you_mean(rest, (BUNDLED,))
    return ModelError(
        "no-such-model",
        f"the model `{rest}` is not on this machine",
        helps=(*helps, "give a path to a .gguf file or to a folder with a model, as in `./model.gguf`"),
    )
