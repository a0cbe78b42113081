"""Runs a target under atheris: seeds, a dictionary, limits of time and memory, and a record of faults.

A fault does not end the run. Each is written once, by the place it comes from, into FOLDER/faults: the input,
and the traceback beside it. Only what Python cannot interrupt ends the process, with libFuzzer's own file.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import pkgutil
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Protocol

import atheris

TARGETS = ("programs", "queries", "headers")

SECONDS = 10.0
"""Processor time that one input may take."""

MEMORY = 1536 * 1024 * 1024
"""Address space of the whole process, in bytes; more is a `MemoryError` where it is asked for."""


class Target(Protocol):
    """What a module of a target has."""

    def try_one(self, data: bytes, folder: Path) -> None:
        """Raise if anything is wrong with what is made of `data`; `folder` is for files."""

    def seeds(self) -> Iterable[bytes]:
        """Inputs to begin with."""

    def words(self) -> Iterable[bytes]:
        """What inputs are made of."""

    def mutate(self, data: bytes, most: int, seed: int) -> bytes:
        """An input that is near another, of at most `most` bytes."""


class TooSlow(BaseException):
    """One input took more than `SECONDS`. No `except Exception` of the code under test stops it."""


class Faults:
    """The faults that were found, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._known = {file.stem for file in folder.glob("*.txt")}

    def note(self, error: BaseException, data: bytes) -> None:
        """Write down an input and what came of it, unless it comes from a known place."""
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/spnl/" in frame.filename]
        place = f"{type(error).__name__} {[(frame.name, frame.line) for frame in frames[-3:]]}"
        name = f"{type(error).__name__}-{hashlib.sha1(place.encode()).hexdigest()[:10]}"
        if isinstance(error, TooSlow | MemoryError):
            name = f"{type(error).__name__}-{hashlib.sha1(str(frames[-1:]).encode()).hexdigest()[:10]}"
        if name in self._known:
            return
        self._known.add(name)
        (self._folder / f"{name}.input").write_bytes(data)
        text = "".join(traceback.format_exception(error, limit=-12))
        (self._folder / f"{name}.txt").write_text(text, encoding="utf-8", errors="backslashreplace")
        print(f"FAULT {name}: {text.splitlines()[-1][:200]}", file=sys.stderr, flush=True)


def fuzz(target: str, folder: str, options: list[str]) -> None:
    """Fuzz until libFuzzer's options say that it is enough. Does not return."""
    root = Path(folder).resolve()
    module = _instrumented(target)
    corpus, files = root / "corpus", root / "files"
    for made in (corpus, files, root / "stopped"):
        made.mkdir(parents=True, exist_ok=True)
    for seed in module.seeds():
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    dictionary = root / "words.dict"
    dictionary.write_text("".join(f'"{_escaped(word)}"\n' for word in sorted(set(module.words()))))
    faults = Faults(root / "faults")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGVTALRM, _too_slow)
    os.chdir(files)

    def one(data: bytes) -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            module.try_one(data, files)
        except BaseException as error:
            faults.note(error, data)
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)

    limits = [
        "-timeout=120",
        "-rss_limit_mb=1400",
        f"-artifact_prefix={root}/stopped/",
        f"-dict={dictionary}",
    ]
    atheris.Setup([sys.argv[0], *limits, *options, str(corpus)], one, custom_mutator=_mutator(module))
    atheris.Fuzz()


def _mutator(module: Target) -> Callable[[bytes, int, int], bytes]:
    """The target's own changes half of the time, libFuzzer's else."""

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        if seed % 2:
            return module.mutate(data, most, seed)[:most]
        changed: bytes = atheris.Mutate(data, len(data))
        return changed[:most]

    return mutate


def _instrumented(target: str) -> Target:
    """The target's module, with all of spnl instrumented for coverage."""
    with atheris.instrument_imports(include=["spnl"], enable_loader_override=False):
        package: ModuleType = importlib.import_module("spnl")
        for found in pkgutil.walk_packages(package.__path__, "spnl."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    module: Target = importlib.import_module(f"tools.fuzz.{target}")  # type: ignore[assignment]
    return module


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TooSlow


def _escaped(word: bytes) -> str:
    return "".join(chr(byte) if 32 < byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word)
