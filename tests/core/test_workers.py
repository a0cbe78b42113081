"""Events from worker threads: none is lost, what is urgent wakes, and what comes close together does not."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any

import pytest
from scripted import PATIENCE

from spnl.backends.base import Chunk, Finish, Usage
from spnl.executor import workers
from spnl.executor.workers import Mailbox

JOB: Any = object()
END = Finish("stop", Usage())


class Bell:
    """A bell that counts how often it was rung and waited for."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._bell: Any = mailbox._bell
        self.rings = 0
        self.waits: list[float] = []
        mailbox._bell = self  # type: ignore[assignment]

    def empty(self) -> bool:
        return bool(self._bell.empty())

    def put(self, item: None) -> None:
        self.rings += 1
        self._bell.put(item)

    def get_nowait(self) -> None:
        self._bell.get_nowait()

    def get(self, timeout: float) -> None:
        self.waits.append(timeout)
        self._bell.get(timeout=timeout)


def test_what_follows_soon_does_not_ring_and_is_looked_for() -> None:
    mailbox = Mailbox()
    bell = Bell(mailbox)
    mailbox.put((JOB, Chunk("a")), urgent=False)
    assert bell.rings == 1, "nobody looks by themselves yet"
    assert mailbox.get(PATIENCE) == (JOB, Chunk("a"))
    for text in "bc":
        mailbox.put((JOB, Chunk(text)), urgent=False)
    assert bell.rings == 1
    assert [mailbox.get(PATIENCE) for _ in "bc"] == [(JOB, Chunk("b")), (JOB, Chunk("c"))]
    assert bell.waits == [], "what is there is taken without waiting"


def test_what_is_urgent_rings() -> None:
    mailbox = Mailbox()
    mailbox.put((JOB, Chunk("a")), urgent=False)
    mailbox.get(PATIENCE)
    mailbox.get(0.0)
    bell = Bell(mailbox)
    mailbox._will_look = True
    mailbox.put((JOB, END), urgent=True)
    assert bell.rings == 1


def test_after_a_pause_every_piece_rings() -> None:
    mailbox = Mailbox()
    mailbox.put((JOB, Chunk("a")), urgent=False)
    mailbox.get(PATIENCE)
    assert mailbox.get(0.0) is None, "it has looked again, and there was nothing"
    bell = Bell(mailbox)
    mailbox.put((JOB, Chunk("b")), urgent=False)
    assert bell.rings == 1


def test_a_piece_that_lies_is_taken_without_a_bell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put while the reader waits to look again: it is found then, and not when the wait is over."""
    monkeypatch.setattr(workers, "TOGETHER_SECONDS", 0.05)
    mailbox = Mailbox()
    mailbox.put((JOB, Chunk("a")), urgent=False)
    mailbox.get(PATIENCE)
    bell = Bell(mailbox)
    begun = threading.Event()
    mailbox._bell.get = lambda timeout: (begun.set(), Bell.get(bell, timeout))  # type: ignore[method-assign]
    writer = threading.Thread(
        target=lambda: (begun.wait(PATIENCE), mailbox.put((JOB, Chunk("b")), urgent=False))
    )
    writer.start()
    started = monotonic()
    assert mailbox.get(PATIENCE) == (JOB, Chunk("b"))
    writer.join()
    assert bell.rings == 0 and bell.waits == [0.05]
    assert monotonic() - started < PATIENCE / 2


def test_nothing_is_lost_between_many_threads() -> None:
    """Each thread's events come in its order."""
    mailbox, count = Mailbox(), 2_000

    def write(number: int) -> None:
        for index in range(count):
            mailbox.put((number, index), urgent=index % 7 == 0)  # type: ignore[arg-type]

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    seen: dict[Any, list[Any]] = {number: [] for number in range(4)}
    limit = monotonic() + PATIENCE
    while sum(map(len, seen.values())) < 4 * count:
        assert monotonic() < limit
        event = mailbox.get(PATIENCE)
        if event is not None:
            seen[event[0]].append(event[1])
    assert all(events == list(range(count)) for events in seen.values())
