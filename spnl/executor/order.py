"""The order of work on one model: which of the waiting jobs is next, and which run together with it.

An engine keeps what it has read of the prompts that finished last, and a prompt that begins like one of them
is read from where the two part. Work runs in the order of the source, which is the order in which answers
are shown, except where that would lose such a beginning which waiting work still needs: then that work is
next. So no more is read twice than the engine's memory of prompts makes necessary, and the first answer
never waits.

Whether prompts begin alike is told from their messages, which chat templates write out in order, in blocks of
`BLOCK` characters: rendering a hundred thousand prompts before the first of them runs would take seconds.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar

Blocks = tuple[int, ...]
"""What a prompt begins with: a number for its first block, one for its first two, and so on."""

BLOCK = 256
"""Characters, about 64 tokens: what prompts have in common beyond whole blocks is quickly read again."""


def blocks_of(messages: Sequence[tuple[str, str]]) -> Blocks:
    """The beginnings of a prompt. Two prompts have one in common where they are alike up to there."""
    if sum(len(role) + len(text) + 2 for role, text in messages) < BLOCK:
        return ()
    written = "".join([f"{role}\0{text}\0" for role, text in messages])
    blocks: list[int] = []
    before = 0
    for start in range(0, len(written) - BLOCK + 1, BLOCK):
        before = hash((before, written[start : start + BLOCK]))
        blocks.append(before)
    return tuple(blocks)


def common(one: Blocks, other: Blocks) -> int:
    """How many blocks two prompts have in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[middle - 1] == other[middle - 1]:
            low = middle
        else:
            high = middle - 1
    return low


class Item(Protocol):
    """What waits: anything with a prompt. Compared by identity."""

    @property
    def blocks(self) -> Blocks:
        """The beginnings of the prompt."""
        ...


ItemT = TypeVar("ItemT", bound=Item)


class Order(Generic[ItemT]):
    """What waits for one model, in the order of the source, and what the engine has read last.

    `lending` is how many of the prompts that finished last the engine remembers. The first item is passed by
    `patience` others before it is next in any case; None for any number, where all that waits ends anyhow.
    """

    def __init__(self, lending: int = 0, patience: int | None = None) -> None:
        self._patience = patience
        self._first: ItemT | None = None
        self._passed = 0
        """How often the first item was not the next."""
        self._waiting: OrderedDict[ItemT, None] = OrderedDict()
        self._holders: dict[int, ItemT | deque[ItemT]] = {}
        """What waits with a beginning, in order; some of it may wait no more. One item stands by itself."""
        self._lent: deque[Blocks] = deque(maxlen=lending)

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, item: object) -> bool:
        return item in self._waiting

    def __iter__(self) -> Iterator[ItemT]:
        """What waits, in the order of the source."""
        return iter(self._waiting)

    def add(self, item: ItemT, *, first: bool = False) -> None:
        """Let an item wait behind all others, or before them."""
        self._waiting[item] = None
        if first:
            self._waiting.move_to_end(item, last=False)
        for block in item.blocks:
            held = self._holders.get(block)
            if held is None:
                self._holders[block] = item
            elif not isinstance(held, deque):
                self._holders[block] = deque((item, held) if first else (held, item))
            elif first:
                held.appendleft(item)
            else:
                held.append(item)

    def take(self, item: ItemT) -> None:
        """An item waits no more."""
        del self._waiting[item]
        for block in item.blocks:
            self._holder(block)

    def remember(self, lending: int) -> None:
        """Say how many prompts the engine remembers, which is known once it is loaded."""
        if lending != self._lent.maxlen:
            self._lent = deque(self._lent, lending)

    def finished(self, blocks: Blocks) -> None:
        """The engine has read a prompt, and will lend from it."""
        self._lent.append(blocks)

    def clear(self) -> None:
        """Nothing waits any more."""
        self._waiting.clear()
        self._holders.clear()

    def next(self) -> ItemT:
        """The item whose turn it is: the first, or one that needs what would soon be forgotten.

        Something has to wait.
        """
        first = next(iter(self._waiting))
        if first is not self._first:
            self._first, self._passed = first, 0
        needing = self._needing(first) if self._patience is None or self._passed < self._patience else None
        if needing is None:
            return first
        self._passed += 1
        return needing

    def _needing(self, first: ItemT) -> ItemT | None:
        """An item that needs, as the first one does not, what the engine is about to forget."""
        if not self._lent or len(self._lent) < (self._lent.maxlen or 0):
            return None
        oldest, *others = self._lent
        for depth in range(len(oldest), 0, -1):
            block = oldest[depth - 1]
            if any(len(other) >= depth and other[depth - 1] == block for other in others):
                break
            needing = self._holder(block)
            if needing is not None:
                return None if common(first.blocks, oldest) >= depth else needing
        return None

    def lent(self, item: ItemT) -> int:
        """How many blocks of an item's prompt need not be read again."""
        return max((common(item.blocks, blocks) for blocks in self._lent), default=0)

    def kin(self, item: ItemT) -> int:
        """How many blocks of an item's prompt some other item that waits has too."""
        for depth in range(len(item.blocks), 0, -1):
            held = self._holders.get(item.blocks[depth - 1])
            if isinstance(held, deque):
                waiting = (other is not item and other in self._waiting for other in held)
            else:
                waiting = (other is not item and other in self._waiting for other in (held,) if other)
            if any(waiting):
                return depth
        return 0

    def _holder(self, block: int) -> ItemT | None:
        """The first item that waits with a beginning; those before it that wait no more are forgotten."""
        held = self._holders.get(block)
        if isinstance(held, deque):
            while held and held[0] not in self._waiting:
                held.popleft()
            if held:
                return held[0]
        elif held is not None and held in self._waiting:
            return held
        self._holders.pop(block, None)
        return None
