"""How a request's events reach the event loop: the first at once, then what lies together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from spnl.backends.base import Chunk, Finish, Usage
from spnl.server.desk import Event, Seat


class Loop:
    """The event loop as a seat sees it: it counts how often it is woken; the test says when time is up."""

    def __init__(self) -> None:
        self.wakes = 0
        self.looks: list[Callable[[], None]] = []

    def call_soon_threadsafe(self, action: Callable[[], None]) -> None:
        self.wakes += 1
        action()

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        self.looks.append(action)


def piece(text: str) -> Event:
    return 0, Chunk(text)


def test_what_comes_while_others_are_being_taken_wakes_nobody() -> None:
    loop: Any = Loop()

    async def take() -> None:
        seat = Seat(loop)
        events = seat.events()
        seat.put(piece("a"))
        assert await anext(events) == [piece("a")] and loop.wakes == 1
        taking = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        seat.put(piece("b"))
        assert loop.wakes == 1, "it lies until somebody looks"
        loop.looks.pop()()
        seat.put(piece("c"))
        assert loop.wakes == 1, "whoever looked takes this one too"
        assert await taking == [piece("b"), piece("c")]
        taking = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        assert len(loop.looks) == 1, "and looks again once"
        taking.cancel()

    asyncio.run(take())


def test_what_comes_after_a_pause_wakes_and_so_does_the_end() -> None:
    loop: Any = Loop()
    end: Event = (0, Finish("stop", Usage()))

    async def take() -> None:
        seat = Seat(loop)
        events = seat.events()
        seat.put(piece("a"))
        await anext(events)
        taking = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        loop.looks.pop()()
        seat.put(piece("b"))
        assert loop.wakes == 2 and await taking == [piece("b")]
        seat.put(end)
        assert loop.wakes == 2
        seat.put(None)
        assert loop.wakes == 3, "the end waits for nobody"
        assert [batch async for batch in events] == [[end]]

    asyncio.run(take())
