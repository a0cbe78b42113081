"""Asking an engine, and when its answer came. Imports the seam, errors and frozen records."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue

from spnl.backends.base import Chunk, Engine, Finish, Request, Usage
from spnl.errors import GenerationError, Interrupted
from spnl.frozen import Frozen
from spnl.query import Sampling

WAKE_SECONDS = 0.2
"""How often the caller looks up, so that platforms whose waits cannot be interrupted see Ctrl-C."""

Messages = tuple[tuple[str, str], ...]
Clock = Callable[[], float]


class Timed(Frozen):
    """One reply: when it was asked for, when its first piece came and when it ended, in seconds."""

    opened: float
    first: float
    ended: float
    text: str
    usage: Usage

    @property
    def first_token_seconds(self) -> float:
        """Time to first token."""
        return self.first - self.opened

    @property
    def prefill_speed(self) -> float | None:
        """Prompt tokens a second, those left out that were reused; None where nothing was counted or read."""
        read = self.usage.prompt_tokens - self.usage.cached_tokens
        return read / self.first_token_seconds if read > 0 and self.first_token_seconds > 0 else None

    @property
    def decode_speed(self) -> float | None:
        """Tokens a second after the first, which is prefill's; None where there are none."""
        made, seconds = self.usage.completion_tokens - 1, self.ended - self.first
        return made / seconds if made > 0 and seconds > 0 else None

    @property
    def reused(self) -> float | None:
        """Which share of the prompt was reused; None where tokens were not counted."""
        usage = self.usage
        return usage.cached_tokens / usage.prompt_tokens if usage.prompt_tokens else None


class Asker:
    """Asks one engine greedily, each request in a thread of its own.

    `is_flat`: it takes no system message. `goes_on`: replies go on to the limit, where a model would end.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.is_flat = False
        self.goes_on = True
        self._engine = engine
        self._clock = clock

    def ask(self, messages: Messages, most: int) -> Timed:
        """One reply of at most so many tokens. Raises what the engine raises."""
        return self.ask_all([messages], most)[0]

    def ask_all(self, conversations: Sequence[Messages], most: int) -> list[Timed]:
        """The replies to requests that are made at once, in the order of the requests.

        The first that fails is raised, and so is an interrupt; the others then end at their next pieces.
        """
        sampling = Sampling(max_tokens=most, temperature=0.0, ignore_eos=self.goes_on or None)
        requests = [Request(self._shaped(messages), sampling) for messages in conversations]
        ends: SimpleQueue[tuple[int, Timed | BaseException]] = SimpleQueue()
        given_up = threading.Event()

        def work(index: int) -> None:
            try:
                ends.put((index, _time(self._engine, requests[index], self._clock, given_up)))
            except BaseException as error:  # the caller's to raise: nobody would see it here
                ends.put((index, error))

        for index in range(len(requests)):
            threading.Thread(target=work, args=(index,), daemon=True, name="spnl-bench").start()
        try:
            return _collected(ends, len(requests))
        finally:
            given_up.set()

    def _shaped(self, messages: Messages) -> Messages:
        """The messages, or where the model takes no roles, their texts as one message."""
        return (("user", "\n\n".join(text for _, text in messages)),) if self.is_flat else messages


def _collected(ends: SimpleQueue[tuple[int, Timed | BaseException]], count: int) -> list[Timed]:
    replies: dict[int, Timed] = {}
    while len(replies) < count:
        try:
            index, end = ends.get(timeout=WAKE_SECONDS)
        except Empty:
            continue
        if isinstance(end, BaseException):
            raise end
        replies[index] = end
    return [replies[index] for index in range(count)]


def _time(engine: Engine, request: Request, clock: Clock, given_up: threading.Event) -> Timed:
    """Stream a reply, with its times taken where its pieces come out of the engine."""
    texts: list[str] = []
    first: float | None = None
    opened = clock()
    stream = engine.stream(request)
    try:
        for piece in stream:
            now = clock()
            if given_up.is_set():
                raise Interrupted
            first = now if first is None else first
            if isinstance(piece, Finish):
                return Timed(opened, first, now, "".join(texts), piece.usage)
            assert isinstance(piece, Chunk)
            texts.append(piece.text)
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()
    raise GenerationError("engine-failed", "the model's reply ended without an end")
