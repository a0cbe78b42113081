"""What identifies the bytes of a model's file: a digest, found without reading the file where it can be.

Hugging Face's cache names a file by what is in it: by its SHA-256, or by its id in git where it is small.
The digest of any other file is computed once, and remembered for as long as the file's path, size, time of
change and inode stay what they were: hashing 40 GB takes a minute.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from spnl.models.files import size_of
from spnl.models.local import LocalModel
from spnl.places import cache_folder, make_private

_BLOB = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LONG_READ = 2 * 1000**3
"""The size of a file, in bytes, from which on hashing it takes seconds."""

_BESIDE_WEIGHTS = ("*.json", "*.jinja", "*.model", "*.txt")
"""What of a folder says how its weights are used: configuration, tokenizer, template."""


def digest_of_model(model: LocalModel, notify: Callable[[str], None]) -> str:
    """A digest of everything in a model's files that its replies depend on.

    `notify` is told before a file is read that takes long. Raises OSError.
    """
    files = list(model.files)
    if model.kind == "folder":
        files += sorted({file for pattern in _BESIDE_WEIGHTS for file in model.path.glob(pattern)})
    lines = [digest_of_file(file, notify) for file in files]
    if model.kind == "folder":
        lines = [f"{file.name} {digest}" for file, digest in zip(files, lines, strict=True)]
    return lines[0] if len(lines) == 1 else hashlib.sha256("\n".join(lines).encode()).hexdigest()


def digest_of_folder(folder: Path, notify: Callable[[str], None]) -> str:
    """A digest of an adapter's files: its weights, and what says how they are used. Raises OSError."""
    patterns = ("*.safetensors", *_BESIDE_WEIGHTS)
    files = sorted({file for pattern in patterns for file in folder.glob(pattern)})
    lines = [f"{file.name} {digest_of_file(file, notify)}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def digest_of_file(file: Path, notify: Callable[[str], None]) -> str:
    """The SHA-256 of a file in hexadecimal, or its id in git, which has 40 digits. Raises OSError."""
    path = file.resolve()
    in_cache = path.parent.name == "blobs" and path.parents[1].name.startswith("models--")
    if in_cache and _BLOB.fullmatch(path.name):
        return path.name
    return digest_of_content(path, notify)


def digest_of_content(file: Path, notify: Callable[[str], None]) -> str:
    """The SHA-256 of a file in hexadecimal, whatever a cache says that it is. Raises OSError."""
    path = file.resolve()
    state = _state(path)
    remembered = _place(path)
    digest = _recall(remembered, state)
    if digest is None:
        if path.stat().st_size >= _LONG_READ:
            notify(f"reading {path.name} ({size_of(path.stat().st_size)}) once, to know it again")
        with path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        if _state(path) == state:
            _remember(remembered, state, digest)
    return digest


def _state(path: Path) -> list[str | int]:
    """What changes when a file does."""
    found = path.stat()
    return [str(path), found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev]


def _place(path: Path) -> Path:
    """Where the digest of a file is remembered: one small file for each path."""
    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    return Path(cache_folder(os.environ), "digests", f"{name}.json")


def _recall(place: Path, state: list[str | int]) -> str | None:
    try:
        known = json.loads(place.read_bytes())
        digest = known["sha256"] if known["state"] == state else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    return digest if isinstance(digest, str) and _BLOB.fullmatch(digest) else None


def _remember(place: Path, state: list[str | int], digest: str) -> None:
    """Remember a digest; where that cannot be done, it is computed again the next time."""
    beside = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        make_private(str(place.parent))
        beside.write_text(json.dumps({"state": state, "sha256": digest}), encoding="utf-8")
        beside.replace(place)
    except (OSError, UnicodeError):
        with suppress(OSError):
            beside.unlink()
