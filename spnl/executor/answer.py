"""The answer: texts written in source order, whatever the order in which they become known.

Every place in a program that may print has a `Slot`. Slots form one ordered list; the first that is not
closed is live, and what is written to it goes out at once. What is written to a later one waits its turn. A
slot that turns out to stand for several texts is split in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from spnl.executor.results import Leaf

Style = Literal["model", "plain"]
"""Whose text it is: a model's own words, or the program's."""


class Output(Protocol):
    """Where an answer goes, leaf by leaf and in order."""

    is_live: bool = True
    """Whether somebody sees each piece of a leaf when it is written. Else leaves are written when they are
    complete, and a reply that fails on the way can be asked for again."""

    def begin(self, style: Style) -> None:
        """A new leaf starts."""
        ...

    def write(self, text: str) -> None:
        """More of the leaf's text."""
        ...

    def end(self, leaf: Leaf) -> None:
        """The leaf is complete."""
        ...


class Slot:
    """One place in the answer."""

    __slots__ = ("_answer", "_begun", "_buffer", "_closed", "_leaf", "_next", "_style")

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._next: Slot | None = None
        self._buffer: list[str] = []
        self._begun = False
        self._style: Style = "plain"
        self._leaf: Leaf | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the place is done with."""
        return self._closed

    def split(self, count: int) -> list[Slot]:
        """Replace this slot by `count` new ones, in order."""
        parts = [Slot(self._answer) for _ in range(count)]
        for part in reversed(parts):
            part._next = self._next
            self._next = part
        self._closed = True
        self._answer.advance()
        return parts

    def stream(self, text: str) -> None:
        """A piece of what a model is saying."""
        self._style = "model"
        if self._answer.live is self and self._answer.output.is_live:
            self._put(text)
        else:
            self._buffer.append(text)

    def close(self, leaf: Leaf | None = None, style: Style = "plain", keep_empty: bool = False) -> None:
        """The place is known: `leaf` stands here, or nothing does.

        An empty text is nothing, unless `keep_empty`.
        """
        if self._closed:
            return
        self._closed = True
        if leaf is not None and (leaf.text or keep_empty):
            self._leaf = leaf
            if not self._begun:
                self._style = style
                self._buffer = [leaf.text]
        self._answer.advance()

    def print(self, leaf: Leaf) -> None:
        """The place is known to be a line that the program prints."""
        self.close(leaf, keep_empty=True)

    def withdraw(self) -> bool:
        """Take back what was streamed, if none of it has been shown; whether that could be done."""
        if self._begun:
            return False
        self._buffer = []
        return True

    def fail(self, leaf: Leaf) -> None:
        """The place is known to be a failure; what was shown of a reply stays above it."""
        if self._begun and not self._closed:
            self._put(f"\n{leaf.text}")
        self.close(leaf)

    def close_until(self, following: Slot) -> None:
        """Close this slot and all that it was split into, which end where `following` begins."""
        slot: Slot | None = self
        while slot is not None and slot is not following:
            slot._closed = True
            slot = slot._next
        self._answer.advance()

    def _put(self, text: str) -> None:
        if not self._begun:
            self._begun = True
            self._answer.output.begin(self._style)
        self._answer.output.write(text)

    def _flush(self) -> None:
        """Write out what has waited; called when the slot is first in line."""
        if not (self._closed or self._answer.output.is_live):
            return
        buffered = "".join(self._buffer)
        self._buffer = []
        if buffered or (self._leaf is not None and not self._begun):
            self._put(buffered)
        if self._closed and self._leaf is not None:
            self._answer.output.end(self._leaf)


class Answer:
    """All slots of a run, in order, and the output they go to."""

    def __init__(self, output: Output) -> None:
        self.output = output
        self.root = Slot(self)
        self.live: Slot | None = self.root

    def advance(self) -> None:
        """Write out every closed slot at the front, and what the new first one has so far."""
        while self.live is not None and self.live.closed:
            self.live._flush()
            self.live = self.live._next
        if self.live is not None:
            self.live._flush()

    def settle(self) -> None:
        """Nothing more will come: write out every text that is complete, and leave out the others."""
        slot = self.live
        while slot is not None:
            slot.close()
            slot = slot._next


class Place(Protocol):
    """Where a node's texts show: a slot, or one in which only printed lines do."""

    @property
    def closed(self) -> bool:
        """Whether the place is done with."""
        ...

    def split(self, count: int) -> Sequence[Place]:
        """As many places, in order, in the place of this one."""
        ...

    def stream(self, text: str) -> None:
        """A piece of what a model is saying."""
        ...

    def withdraw(self) -> bool:
        """Take back what was streamed, if none of it has been shown; whether that could be done."""
        ...

    def close(self, leaf: Leaf | None = None, style: Style = "plain", keep_empty: bool = False) -> None:
        """The place is known: `leaf` stands here, or nothing does."""
        ...

    def print(self, leaf: Leaf) -> None:
        """The place is known to be a line that the program prints."""
        ...

    def close_until(self, following: Any) -> None:
        """Close this place and all that it was split into, which end where `following` begins."""
        ...


class PrintsOnly:
    """A place whose texts are no part of the answer: only what the program prints there shows.

    The input of another generation is one, and a value that something else is made of.
    """

    __slots__ = ("_slot",)

    def __init__(self, slot: Place) -> None:
        # One within another would cost a call for each level of a recursion that goes on at run time.
        self._slot: Place = slot._slot if isinstance(slot, PrintsOnly) else slot

    @property
    def closed(self) -> bool:
        """Whether the place is done with."""
        return self._slot.closed

    def split(self, count: int) -> list[PrintsOnly]:
        """As many such places, in order."""
        return [PrintsOnly(part) for part in self._slot.split(count)]

    def stream(self, text: str) -> None:
        """Nothing is shown."""

    def withdraw(self) -> bool:
        """Nothing was shown."""
        return True

    def close(self, leaf: Leaf | None = None, style: Style = "plain", keep_empty: bool = False) -> None:
        """Nothing is shown, and the place is done with."""
        self._slot.close()

    def print(self, leaf: Leaf) -> None:
        """Show a printed line."""
        self._slot.print(leaf)

    def close_until(self, following: Any) -> None:
        """Close this place and all that it was split into, which end where `following` begins."""
        self._slot.close_until(following._slot)
