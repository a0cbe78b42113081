"""Events from worker threads: none is lost, what is urgent wakes, and what comes close together does not."""

from __future__ import annotations

import threading
from time import monotonic
from typing import Any

import pytest
from scripted import PATIENCE, ScriptedEngine

from spnl.backends.base import Chunk, Finish, Request, Usage
from spnl.executor import workers
from spnl.executor.jobs import Job
from spnl.executor.workers import THREAD_NAME, Mailbox, Workers
from spnl.query import Sampling

JOB: Any = object()
END = Finish("stop", Usage())


class Bell:
    """A bell that counts how often it was rung and waited for."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._bell: Any = mailbox._bell
        self.rings = 0
        self.waits: list[float] = []
        self.waiting = threading.Event()
        mailbox._bell = self  # type: ignore[assignment]

    def locked(self) -> bool:
        return bool(self._bell.locked())

    def release(self) -> None:
        self.rings += 1
        self._bell.release()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if blocking:
            self.waits.append(timeout)
            self.waiting.set()
        return bool(self._bell.acquire(blocking, timeout))


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
    writer = threading.Thread(
        target=lambda: (bell.waiting.wait(PATIENCE), mailbox.put((JOB, Chunk("b")), urgent=False))
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


def test_the_thread_that_ended_last_is_the_first_to_work_again() -> None:
    """So streams one after another have one thread, and there are as many as there are streams at once."""
    ran: list[int] = []
    workers = Workers()
    engine = ScriptedEngine(lambda request: ran.append(threading.get_ident()) or "a word")
    before = _threads()
    jobs = [Job("m", Request((("user", "Hi"),), Sampling(max_tokens=1)), None, i, None) for i in range(5)]

    def finish(count: int) -> None:
        while count:
            event = workers.next_event(PATIENCE)
            count -= event is not None and isinstance(event[1], Finish)

    for job in jobs[:2]:
        workers.stream(engine, job)
    finish(2)
    assert len(_threads() - before) == 2 and not workers.are_busy
    for job in jobs[2:]:
        workers.stream(engine, job)
        finish(1)
    mine = _threads() - before
    assert len(mine) == 2 and len(set(ran[2:])) == 1
    workers.close()
    for thread in mine:
        thread.join(PATIENCE)
    assert not _threads() & mine


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == THREAD_NAME}
