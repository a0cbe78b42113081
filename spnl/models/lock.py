"""Locks: which files the models of a program were, written down so that a run can refuse all others.

A lock is a JSON file that `spnl lock` writes and that people commit beside their program:

    {
      "version": 1,
      "models": {
        "org/repo": {
          "repository": "org/repo",
          "revision": "…the commit, 40 digits…",
          "files": [{"name": "repo-Q8_0.gguf", "size": 123, "sha256": "…"}]
        }
      },
      "servers": ["openai/gpt-5"]
    }

Models stand under the names that programs use. Only those of a hub have a repository and a revision; one with
an adapter has an `adapter`, which is of the same form. What runs on a server cannot be locked and is only
named. Imports errors, names and frozen records.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spnl.errors import ModelError, UsageError, did_you_mean
from spnl.frozen import Frozen
from spnl.models.names import HERE, PREFIXES, parse_hub

VERSION = 1
"""The form of locks that is read and written."""

MAX_BYTES = 4 * 1024 * 1024
"""The largest lock that is read: thousands of models."""

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class LockedFile(Frozen):
    """A file: its name in its repository or folder, its size in bytes, and its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


class LockedModel(Frozen):
    """The files of a model or an adapter, sorted by name; where they are a hub's, of which commit of what."""

    files: tuple[LockedFile, ...]
    repository: str | None = None
    revision: str | None = None
    adapter: LockedModel | None = None


class Lock(Frozen):
    """What a program's models were, by `key_of` their names; `path` is the lock's file."""

    models: Mapping[str, LockedModel]
    servers: tuple[str, ...]
    path: str

    def find(self, name: str) -> LockedModel | None:
        """What is locked for a model's name; None for a model on a server. `ModelError` `not-locked`."""
        key = key_of(name)
        if key not in self.models and key not in self.servers:
            known = [*self.models, *self.servers]
            raise ModelError(
                "not-locked",
                f"the lock {self.path} does not hold the model `{name}`",
                notes=(f"it holds {', '.join(f'`{each}`' for each in known[:8]) or 'no model'}",),
                helps=(*did_you_mean(key, known), "lock the program again with `spnl lock`"),
            )
        return self.models.get(key)


def key_of(name: str) -> str:
    """What a model's name is in a lock: the name without `mistralrs/` or `local/`."""
    prefix, slash, rest = name.partition("/")
    return rest if slash and PREFIXES.get(prefix) == HERE else name


def lock_path(program: str) -> str:
    """Where the lock of a program's file is, unless one says otherwise: beside it."""
    return f"{program}.lock"


def lock_text(lock: Lock) -> str:
    """A lock as it stands in its file."""
    data = {
        "version": VERSION,
        "models": {name: _as_data(model) for name, model in sorted(lock.models.items())},
        "servers": sorted(lock.servers),
    }
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _as_data(model: LockedModel) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if model.repository is not None:
        data |= {"repository": model.repository, "revision": model.revision}
    data["files"] = [file.as_dict() for file in model.files]
    if model.adapter is not None:
        data["adapter"] = _as_data(model.adapter)
    return data


def read_lock(path: str | os.PathLike[str]) -> Lock:
    """The lock in a file. A `UsageError`: `no-lock`, or `bad-lock` where it cannot be read or understood."""
    shown = os.fspath(path)
    again = "`spnl lock FILE` writes the lock of a program"
    try:
        with open(shown, "rb") as file:
            text = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError("no-lock", f"there is no lock {shown}", helps=(again,)) from None
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "that is no file's name").lower()
        raise UsageError("bad-lock", f"the lock {shown} cannot be read: {reason}") from None
    try:
        if len(text) > MAX_BYTES:
            raise _Wrong("it is too large")
        return _lock(json.loads(text), shown)
    except _Wrong as wrong:
        reason = str(wrong)
    except (ValueError, RecursionError):
        reason = "it is no JSON"
    raise UsageError("bad-lock", f"{shown} is no lock that can be used: {reason}", helps=(again,))


class _Wrong(Exception):
    """What is wrong with a lock's data, for people."""


def _lock(data: object, path: str) -> Lock:
    version = data.get("version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise _Wrong(f"it is of version {version}, and this spnl knows version {VERSION}")
    fields = _fields(data, {"version", "models", "servers"}, "it")
    if fields["version"] != VERSION:
        raise _Wrong("it is of no known version")
    models, servers = fields["models"], fields["servers"]
    if not isinstance(models, dict) or not _are(servers, lambda name: isinstance(name, str)):
        raise _Wrong("its `models` or `servers` are damaged")
    return Lock({name: _model(model, f"`{name}`") for name, model in models.items()}, tuple(servers), path)


def _model(data: object, what: str, *, is_adapter: bool = False) -> LockedModel:
    of_hub = {"repository", "revision"} if isinstance(data, dict) and "repository" in data else set()
    adapter = {"adapter"} if isinstance(data, dict) and "adapter" in data and not is_adapter else set()
    fields = _fields(data, {"files", *of_hub, *adapter}, what)
    if of_hub and not (_is_repository(fields["repository"]) and _fits(_COMMIT, fields["revision"])):
        raise _Wrong(f"{what} has a damaged repository or revision")
    files = fields["files"]
    if not isinstance(files, list) or not files:
        raise _Wrong(f"{what} has no files")
    return LockedModel(
        tuple(_files(files, what)),
        fields.get("repository"),
        fields.get("revision"),
        _model(fields["adapter"], f"the adapter of {what}", is_adapter=True) if adapter else None,
    )


def _files(files: list[object], what: str) -> Iterator[LockedFile]:
    for file in files:
        fields = _fields(file, {"name", "size", "sha256"}, f"a file of {what}")
        if not (isinstance(fields["name"], str) and type(fields["size"]) is int):
            raise _Wrong(f"a file of {what} has a damaged name or size")
        if not _fits(_SHA256, fields["sha256"]):
            raise _Wrong(f"a file of {what} has a damaged sha256")
        yield LockedFile(**fields)


def _fields(data: object, names: set[str], what: str) -> dict[str, Any]:
    """Data that is an object with these fields and no others."""
    if not isinstance(data, dict) or set(data) != names:
        raise _Wrong(f"{what} has not the fields {', '.join(sorted(names))}")
    return data


def _is_repository(name: object) -> bool:
    hub = parse_hub(name) if isinstance(name, str) else None
    return hub is not None and hub.repo == name


def _fits(pattern: re.Pattern[str], text: object) -> bool:
    return isinstance(text, str) and pattern.fullmatch(text) is not None


def _are(values: object, fits: Callable[[object], bool]) -> bool:
    return isinstance(values, list) and all(map(fits, values))
