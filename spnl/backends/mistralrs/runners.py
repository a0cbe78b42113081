"""The runner of one model, and its renewal when what the engine remembers takes too much memory.

The engine keeps the keys and values of every sequence that finished, so that prompts which begin like it are
read once. Its limit on how many it keeps, `prefix_cache_n`, counts only those that are in the memory of a GPU
(`PrefixCacheManagerV2::evict_caches` of 0.9): on a CPU it forgets nothing, and a thousand short replies of
`tiny` took 2 GB. There is no call that empties this memory, and a model that was loaded from a file can be
neither unloaded nor loaded again by the engine's own calls. So here the whole runner is let go of, and built
anew, between two streams, once the process has grown by more than a share of what is there. How far it has
grown can be told only where the allocator gives back what is free, which that of Linux has to be asked for.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING

from spnl.errors import GenerationError
from spnl.models.local import LocalModel

if TYPE_CHECKING:
    from mistralrs import Runner

LEAST_GROWTH = 512 << 20
"""Bytes that the engine may grow by in any case."""

UNMEASURED = 8
"""Streams before the first measurement: few replies fill no memory, and measuring is not for nothing."""

DRAIN_SECONDS = 60.0
"""How long a stream waits for others to end so that the model can be built anew."""

RELEASE_SECONDS = 10.0
"""How long building waits for the memory of the runner before: the engine gives it back in its own thread."""

WORTH = 20
"""So many times as long as building took is a runner used before it is built anew: that costs 5 % at most."""


class Renewable:
    """A runner that is lent to streams; `rebuild` makes another like it, or is None where none is needed.

    `built_in` is how many seconds it took to build.
    """

    def __init__(
        self,
        runner: Runner,
        rebuild: Callable[[], Runner] | None,
        model: LocalModel,
        built_in: float = 0.0,
    ) -> None:
        self._runner: Runner | None = runner
        self._rebuild = rebuild
        self._model = model
        self._changed = threading.Condition()
        self._closed = False
        self._open = 0
        self._ended = 0
        self._base: int | None = None
        self._is_full = False
        self._worth_until = monotonic() + WORTH * built_in
        """Until then it is not built anew, as long as there is much free memory."""

    @contextmanager
    def streaming(self) -> Iterator[Runner]:
        """The runner, for as long as one stream of it is open. It is renewed before, if that is due."""
        with self._changed:
            if self._is_full:
                self._changed.wait_for(lambda: self._open == 0 or not self._is_full, DRAIN_SECONDS)
            if self._is_full and self._open == 0:
                self._renew()
            runner = self._current()
            self._open += 1
        try:
            yield runner
        finally:
            with self._changed:
                self._open -= 1
                self._ended += 1
                if self._rebuild is not None and self._ended > UNMEASURED:
                    self._measure()
                self._changed.notify_all()

    def current(self) -> Runner:
        """The runner, for one short call. Raises `GenerationError` where it was let go of for good."""
        with self._changed:
            return self._current()

    def close(self) -> None:
        """Let go of the runner, for good."""
        with self._changed:
            self._closed = True
            self._runner = None

    def _current(self) -> Runner:
        if self._closed:
            raise GenerationError("engine-failed", f"{self._model.name} has been unloaded")
        if self._runner is None:
            assert self._rebuild is not None
            started = monotonic()
            self._runner = self._rebuild()
            self._worth_until = monotonic() + WORTH * (monotonic() - started)
        return self._runner

    def _measure(self) -> None:
        """Note how far the process has grown since the runner was built, and whether that is too far."""
        import psutil

        if self._base is None:
            give_back()
        used = psutil.Process().memory_info().rss
        if self._base is None:
            self._base = used
        growth = used - self._base
        if not self._is_full and growth > LEAST_GROWTH:
            # The weights say what a user found bearable; the rest of the machine is not only ours.
            share = (psutil.virtual_memory().available + growth) // 4
            bearable = self._model.size if monotonic() >= self._worth_until else share
            self._is_full = growth > min(bearable, share)

    def _renew(self) -> None:
        """Build the runner anew, once the memory of the one before is given back."""
        import psutil

        process = psutil.Process()
        low = process.memory_info().rss - self._model.size // 2
        self._runner = None
        until = monotonic() + RELEASE_SECONDS
        # Two models of this size at once may be too much; a smaller one is not waited for.
        while self._model.size > LEAST_GROWTH and process.memory_info().rss > low and monotonic() < until:
            sleep(0.05)
            give_back()
        self._is_full, self._base, self._ended = False, None, 0
        self._current()


def give_back() -> None:
    """Have the allocator give free memory back to the system. glibc else keeps it, spread over its arenas."""
    if sys.platform == "linux":
        import ctypes

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
