"""Finding models, with a cache that is full and a file that is large."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from bench.figures import Figure, processor_seconds

MODELS = 200
LARGE = 40 * 1000**3


def figures() -> Iterator[Figure]:
    """Listing 200 models, finding one of them, and showing one of 40 GB."""
    from spnl.backends.mistralrs import backend  # noqa: F401  # what every run has imported by then
    from spnl.models.local import BUNDLED_FILE

    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, {"HF_HOME": folder}):
        cache = Path(folder) / "hub"
        for index in range(MODELS):
            _add(cache, index, BUNDLED_FILE)
        yield from _of_cache(cache)
        large = Path(folder) / "large.gguf"
        shutil.copy(BUNDLED_FILE, large)
        os.truncate(large, LARGE)
        yield from _of_large(large)


def _add(cache: Path, index: int, file: Path) -> None:
    """A repository with one model, as huggingface_hub lays it out; its content is a link to one file."""
    repo = cache / f"models--org--m{index}-GGUF"
    place = repo / "snapshots" / ("a" * 40)
    for folder in (place, repo / "blobs", repo / "refs"):
        folder.mkdir(parents=True)
    (repo / "refs" / "main").write_text("a" * 40)
    (repo / "blobs" / "b").symlink_to(file)
    (place / f"m{index}-Q8_0.gguf").symlink_to("../../blobs/b")


def _of_cache(cache: Path) -> Iterator[Figure]:
    def find() -> None:
        from spnl.models.locating import locate

        locate(f"org/m{MODELS // 2}-GGUF")

    def list_all() -> None:
        from spnl.models.inventory import models_here

        assert len(list(models_here(cache))) == MODELS + 1

    first = processor_seconds(find)  # with the imports that a run needs for it
    yield Figure("resolving a cached model, the first time", first * 1000, "ms", 30)
    again = statistics.median(processor_seconds(find) for _ in range(20))
    yield Figure("resolving it again", again * 1000, "ms")
    listing = statistics.median(processor_seconds(list_all) for _ in range(5))
    yield Figure(f"listing {MODELS} cached models", listing, "s", 0.5)


def _of_large(large: Path) -> Iterator[Figure]:
    """What `show` reads of a large file: bytes that this process asked the system for."""
    from spnl.models.description import describe
    from spnl.models.local import BUNDLED_FILE

    describe(str(BUNDLED_FILE))  # what it takes is imported
    before = _bytes_read()
    describe(str(large))
    yield Figure("show of a GGUF file of 40 GB reads", (_bytes_read() - before) / 1e6, "MB", 50)


def _bytes_read() -> int:
    """Bytes that this process has read so far, at most: asked for, or touched in mapped files.

    Linux counts both; for each page that is touched and not there yet it maps 64 kB around.
    """
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF)
    for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines():
        name, _, count = line.partition(":")
        if name == "rchar":
            return int(count) + (usage.ru_minflt + usage.ru_majflt) * 64 * 1024
    raise OSError("the system does not count what is read")
