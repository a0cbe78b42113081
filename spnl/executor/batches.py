"""Batches: what runs at the same time on one engine, by what its device gains from that.

Where streams gain from any company, work is started one by one, as room comes. Where only sequences of equal
length decode together (a CPU), work that is equally long runs as a batch, and everything else alone.

A sequence that is still decoding lends nothing. So of prompts that begin alike the first is done before the
others begin, where a device gains little from company (a CPU). Elsewhere, and before draws from one prompt,
it runs ahead for one token: the others then need not be read from the beginning, each by itself. This
leader's last message has another end, because an engine does not lend to a prompt that is the same as one it
has read, or that one begins with.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from time import perf_counter
from typing import NamedTuple

from spnl.backends.base import Engine, Request
from spnl.executor.jobs import Job
from spnl.executor.order import Order, common
from spnl.query import Sampling

WINDOW = 64
"""How many of the jobs that wait are looked at for company."""

MEASURE_SECONDS = 0.01
"""How long prompts are measured before a batch starts with the company that was found."""

CUT = 8
"""Characters: a word or two."""

CANNOT_TELL = -1


class Batch(NamedTuple):
    """What is started now, in this order, and the request that runs ahead of it if there is one."""

    jobs: list[Job]
    leader: Request | None


class Room(NamedTuple):
    """How many jobs may start now: of any kind, and with one and the same prompt.

    Draws from one prompt gain more from company: the engine reads again a prompt that has finished before.
    """

    any: int
    same: int


def next_batch(order: Order[Job], engine: Engine, room: Room, is_unwanted: Callable[[Job], bool]) -> Batch:
    """Take out of the line what runs next. A job that is wanted waits in it."""
    head = order.next()
    while is_unwanted(head):
        order.take(head)
        head = order.next()
    kin = order.kin(head)
    order.take(head)
    jobs = [head]
    device = engine.batching
    unread = bool(device.lending) and not device.lends_early and kin > order.lent(head)
    if device.equal_only and max(room) > 1:
        jobs += _company(order, engine, room, head, kin, unread, is_unwanted)
        for job in jobs[1:]:
            order.take(job)
    overlap = len(jobs) > 1 if device.equal_only else room.any > 1
    return Batch(jobs, _ahead_of(head.request) if unread and overlap else None)


def _company(
    order: Order[Job],
    engine: Engine,
    room: Room,
    head: Job,
    kin: int,
    unread: bool,
    is_unwanted: Callable[[Job], bool],
) -> list[Job]:
    """The next jobs with prompts as long as the first one's, that read nothing which it does not.

    Where what it has in common with others is `unread`, only draws from the same prompt.
    """
    found: list[Job] = []
    until = perf_counter() + MEASURE_SECONDS
    for job in islice(order, WINDOW):
        if is_unwanted(job):
            continue
        same = job.request.messages == head.request.messages
        if len(found) + 1 >= (room.same if same and head.blocks else room.any):
            break
        begins_alike = common(head.blocks, job.blocks) >= kin if kin else not order.kin(job)
        if same or (not unread and begins_alike and _is_as_long(engine, job, head, until)):
            found.append(job)
    return found


def _is_as_long(engine: Engine, job: Job, other: Job, until: float) -> bool:
    """Whether two prompts have the same number of tokens; what is not known by a time is taken for no."""
    for measured in (other, job):
        if measured.tokens is None:
            if perf_counter() > until:
                return False
            tokens = engine.count_tokens(measured.request)
            measured.tokens = CANNOT_TELL if tokens is None else tokens
    return job.tokens == other.tokens != CANNOT_TELL


def _ahead_of(request: Request) -> Request:
    """A request for one token whose prompt begins as that of another does, nearly to its end.

    A long last message is cut short: where a text is completed, nothing follows it that would differ.
    """
    (role, text) = request.messages[-1]
    other = text[:-CUT] if len(text) > 2 * CUT else f"{text} ."
    messages = (*request.messages[:-1], (role, other))
    return Request(messages, Sampling(max_tokens=1, temperature=0.0, think=request.sampling.think))
