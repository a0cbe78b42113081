"""What of a run is kept in stores, and found there again: under which key, and as which draw of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from spnl.backends.base import Request
from spnl.executor.results import Origin
from spnl.stores.base import Kept, Store, key_of


class Slot(NamedTuple):
    """Where a reply is kept: the key of what was asked, and which of its draws this is, from 0."""

    key: str
    draw: int


class Keeping:
    """The stores of one run. `identify` gives the identity of a model by its name.

    Draws are numbered in the order in which they are asked for. The number of one that failed is given out
    again, so that asking once more is still the same draw.
    """

    def __init__(self, stores: Sequence[Store], identify: Callable[[str], str]) -> None:
        self._stores = stores
        self._identify = identify
        self._identities: dict[str, str] = {}
        self._draws: dict[str, int] = {}
        self._free: dict[str, list[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._stores)

    def slot(self, model: str, request: Request) -> Slot:
        """The place of the next reply to a request. Raises `ModelError` where there is no such model."""
        identity = self._identities.get(model)
        if identity is None:
            identity = self._identities[model] = self._identify(model)
        key = key_of(identity, request)
        if request.sampling.temperature == 0:
            return Slot(key, 0)
        if free := self._free.get(key):
            return Slot(key, heappop(free))
        draw = self._draws.get(key, 0)
        self._draws[key] = draw + 1
        return Slot(key, draw)

    def release(self, slot: Slot) -> None:
        """Let the place of a reply that did not come be given out again."""
        heappush(self._free.setdefault(slot.key, []), slot.draw)

    def find(self, slot: Slot) -> tuple[Kept, Origin] | None:
        """The reply in a place, and the first store that has it; those that lack it are given it."""
        for store in self._stores:
            kept = store.find(*slot)
            if kept is not None:
                for other in self._stores:
                    if other is not store and other.find(*slot) is None:
                        other.keep(*slot, kept)
                return kept, store.origin
        return None

    def keep(self, slot: Slot, kept: Kept) -> None:
        """Keep a reply in every store."""
        for store in self._stores:
            store.keep(*slot, kept)
