"""Which sequences the engine can decode together: those whose buffers of keys and values are of one size.

A buffer grows in blocks of 512 positions. A prompt that reuses what another has read gets a copy of that
sequence's buffer, at its size; so a short prompt that begins like a long one has a larger buffer than short
prompts have. When the engine (0.9.5, CPU) decodes two such sequences in one step it panics (`shape mismatch
on dim 2, 1536 <> 512`), and answers nothing any more. Which sequence lends cannot be known: every one has the
first tokens of the chat template in common with every other.

So a prompt that might be lent a larger buffer runs alone. `tests/engine` shows the fault.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

BLOCK = 512
"""Positions that a buffer grows by."""

_SLACK = 16
"""Tokens that a sequence may be ahead of what has been seen of it."""


class Running:
    """One open sequence: its prompt's length, how many pieces came, and the buffer that it may have."""

    __slots__ = ("borrowed", "pieces", "prompt", "total")

    def __init__(self, prompt: int, borrowed: int) -> None:
        self.prompt = prompt
        self.borrowed = borrowed
        self.pieces = 0
        self.total: int | None = None
        """All its tokens, once they were counted. Until then a piece is taken for up to two tokens."""

    @property
    def size(self) -> int:
        """How large its buffer is, at most."""
        total = self.total if self.total is not None else self.prompt + 2 * self.pieces + _SLACK
        return max(self.borrowed, size_for(total))


class Buffers:
    """Lets sequences into the engine, several at once where their buffers grow alike, else one by one.

    `lends`: finished sequences lend what they have read. On a CPU the engine forgets none of them.
    """

    def __init__(self, lends: bool) -> None:
        self._lends = lends
        self._finished = 0
        """The largest buffer of a sequence that finished."""
        self._running: set[Running] = set()
        self._alone: Running | None = None
        self._changed = threading.Condition()
        self._entry = threading.Lock()

    @contextmanager
    def place(self, count: Callable[[], int]) -> Iterator[Running]:
        """A place in the engine, once there is one; `count` tells the prompt's tokens, or 0 for unknown."""
        if not self._lends:
            yield Running(0, 0)
            return
        running = self._enter(count())
        try:
            yield running
        finally:
            with self._changed:
                self._leave(running)
                self._changed.notify_all()

    def forget(self) -> None:
        """The engine was built anew, and has read nothing."""
        with self._changed:
            self._finished = 0

    def _enter(self, prompt: int) -> Running:
        """Wait for a place. Whoever waits is not overtaken, so nobody waits for ever."""
        with self._entry, self._changed:
            self._changed.wait_for(lambda: self._alone is None)
            borrowed = self._largest()
            if size_for(prompt) < borrowed:
                self._changed.wait_for(lambda: not self._running)
                borrowed = self._largest()
            running = Running(prompt, borrowed if size_for(prompt) < borrowed else 0)
            if running.borrowed:
                self._alone = running
            self._running.add(running)
            return running

    def _leave(self, running: Running) -> None:
        self._running.discard(running)
        if self._alone is running:
            self._alone = None
        self._finished = max(self._finished, running.size)

    def _largest(self) -> int:
        """The largest buffer that a prompt could be lent now, or in a moment."""
        return max(self._finished, *(running.size for running in self._running), 0)


def size_for(tokens: int) -> int:
    """How large a buffer for so many tokens is that nobody lent."""
    return max(-(-tokens // BLOCK), 1) * BLOCK
