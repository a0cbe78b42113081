"""Answering: events of the desk as a response, all at once or as a stream of server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from spnl.backends.base import Chunk, Usage
from spnl.errors import Interrupted
from spnl.server.calls import Call, call_of
from spnl.server.desk import Event, Seat, Work
from spnl.server.errors import as_http_error
from spnl.server.shapes import Gathered, Shape

Piece = tuple[bytes, bool]
"""Some bytes of a stream, and whether more follow."""

_DONE = b"data: [DONE]\n\n"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_encode = msgspec.json.Encoder().encode


class Answer:
    """The replies to one request: `count` is how many there will be, `prompts` to how many prompts."""

    def __init__(self, call: Call, shape: Shape, count: int | None = None, prompts: int = 1) -> None:
        self.call = call
        self.shape = shape
        self.replies: list[Gathered] = [Gathered() for _ in range(count or 0)]
        self._per_prompt = max((count or 0) // max(prompts, 1), 1)
        self._usage = [0, 0, 0]

    @property
    def usage(self) -> Usage:
        """What all replies took; a prompt that several replies have in common counts once."""
        return Usage(*self._usage)

    def take(self, event: Event) -> list[msgspec.Struct]:
        """What an event means for a stream."""
        index, piece = event
        while len(self.replies) <= index:
            self.replies.append(Gathered())
        reply = self.replies[index]
        if isinstance(piece, Chunk):
            told = list(self.shape.piece(index, piece, reply))
            reply.add(piece)
            return told
        reply.reason = piece.reason
        if index % self._per_prompt == 0:
            self._usage[0] += piece.usage.prompt_tokens
            self._usage[1] += piece.usage.cached_tokens
        self._usage[2] += piece.usage.completion_tokens
        return [self.shape.end(index, piece.reason)]

    def whole(self) -> msgspec.Struct:
        """Everything at once."""
        return self.shape.whole(self.replies, self.usage)

    def finish(self) -> None:
        """All replies are complete: what the log and the metrics are told."""
        self.call.finished(self.usage)
        self.call.keep(replies=[reply.text for reply in self.replies])


async def respond(
    request: HttpRequest, models: tuple[str, ...], work: Work, answer: Answer, *, stream: bool, counted: bool
) -> Response:
    """The response to a request whose `work` on `models` gives the events of `answer`.

    Raises what the work raises before its first event; what comes later is an event of the stream. A client
    that leaves stops the work.
    """
    call = call_of(request)
    async with AsyncExitStack() as stack:
        seat = await stack.enter_async_context(call.server.desk.seat(models, work))
        watcher = asyncio.create_task(_watch(request, seat))
        stack.callback(watcher.cancel)
        events = seat.events()
        first: list[Event] = await anext(events, [])
        call.began()
        if stream:
            pieces = _pieces(answer, first, events, counted)
            return EventStream(pieces, stack.pop_all())
        for event in first:
            answer.take(event)
        async for batch in events:
            for event in batch:
                answer.take(event)
        answer.finish()
        return Response(_encode(answer.whole()), media_type="application/json")


async def _watch(request: HttpRequest, seat: Seat) -> None:
    """Stop the work when the client leaves."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    seat.end(Interrupted())


async def _pieces(
    answer: Answer, first: list[Event], events: AsyncIterator[list[Event]], counted: bool
) -> AsyncIterator[Piece]:
    """The bytes of a stream. What fails now is told in it: its status has been sent."""
    try:
        yield b"".join([_event(told) for event in first for told in answer.take(event)]), True
        async for batch in events:
            yield b"".join([_event(told) for event in batch for told in answer.take(event)]), True
        answer.finish()
        counts = _event(answer.shape.counts(answer.usage)) if counted else b""
        yield counts + _DONE, False
    except Interrupted:
        answer.call.error = "client-gone"
        yield b"", False
    except Exception as error:
        answer.call.report(error)
        yield _event(as_http_error(error).body()), False


def _event(told: msgspec.Struct) -> bytes:
    return b"data: " + _encode(told) + b"\n\n"


class EventStream(Response):
    """A response that is sent as it is made; `stack` is what to leave at its end."""

    media_type = "text/event-stream"

    def __init__(self, pieces: AsyncIterator[Piece], stack: AsyncExitStack) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._pieces = pieces
        self._stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        async with self._stack:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for piece, more in self._pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": more})
