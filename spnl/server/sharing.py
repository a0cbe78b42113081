"""How requests of all clients share the engines: who is next, and when somebody is told to stop.

A run decides for itself in which order it asks (`spnl.executor.dispatch`). Between runs there is one gate,
through which every generation of every client goes, first come, first served, as many at once as the engine
is worth. So a client with a thousand generations has as many places in the line as one with a few.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from spnl.backends.base import Batching, Chunk, Engine, Finish, Request


class Stop:
    """Whether somebody is to stop, and why. Whoever waits is woken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakers: set[threading.Event] = set()
        self._error: Exception | None = None

    def stop(self, error: Exception) -> bool:
        """Tell to stop, because of `error`; False where that was told before."""
        with self._lock:
            if self._error is not None:
                return False
            self._error = error
            for waker in self._wakers:
                waker.set()
        return True

    def check(self) -> None:
        """Raise the error if it is time to stop."""
        if self._error is not None:
            raise self._error

    @contextmanager
    def waking(self, waker: threading.Event) -> Iterator[None]:
        """Around a wait for `waker`, which is also set when it is time to stop."""
        with self._lock:
            self._wakers.add(waker)
            if self._error is not None:
                waker.set()
        try:
            yield
        finally:
            with self._lock:
                self._wakers.discard(waker)


class _Ticket:
    """One who waits at the gate: `width` is how many may be through together with it."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.called = threading.Event()
        self.admitted = False


class Gate:
    """Lets generations through in the order in which they came, so many at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: deque[_Ticket] = deque()
        self._through = 0

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    @property
    def through(self) -> int:
        """How many generations are being made."""
        return self._through

    @contextmanager
    def turn(self, width: int, stop: Stop) -> Iterator[None]:
        """Wait for one's turn, and have it. Raises what `stop` raises when that comes first."""
        ticket = _Ticket(width)
        with self._lock:
            self._line.append(ticket)
            self._admit()
        try:
            with stop.waking(ticket.called):
                ticket.called.wait()
            stop.check()
            yield
        finally:
            with self._lock:
                if ticket.admitted:
                    self._through -= 1
                else:
                    self._line.remove(ticket)
                self._admit()

    def _admit(self) -> None:
        while self._line and self._through < self._line[0].width:
            ticket = self._line.popleft()
            ticket.admitted = True
            self._through += 1
            ticket.called.set()


class SharedEngine:
    """An engine as one client's request sees it: each of its streams waits at the gate, and stops when told.

    No reply is longer than `max_tokens`.
    """

    def __init__(self, engine: Engine, gate: Gate, stop: Stop, width: int, max_tokens: int) -> None:
        self.parallel = width
        self.batching = Batching()
        self._engine = engine
        self._gate = gate
        self._stop = stop
        self._max_tokens = max_tokens

    def stream(self, request: Request) -> Iterator[Chunk | Finish]:
        """The engine's own stream, when it is its turn."""
        sampling = request.sampling
        limit = min(sampling.max_tokens or self._max_tokens, self._max_tokens)
        if limit != sampling.max_tokens:
            request = request.but(sampling=sampling.but(max_tokens=limit))
        with self._gate.turn(self.parallel, self._stop), closing(self._engine.stream(request)) as stream:  # type: ignore[type-var]
            for piece in stream:
                self._stop.check()
                yield piece

    def render(self, request: Request) -> str | None:
        """As the engine renders it."""
        return self._engine.render(request)

    def count_tokens(self, request: Request) -> int | None:
        """Not told: it would be waited for while others stream."""
        return None

    def close(self) -> None:
        """Nothing: the engine is others' too."""


class SharedModels:
    """The models as one client's request sees them (`spnl.executor.dispatch.Models`)."""

    def __init__(self, share: Callable[[str], SharedEngine]) -> None:
        self._share = share

    def get(self, model: str, notify: Callable[[str], None]) -> SharedEngine:
        """A share of a model's engine; the model is loaded if it is not."""
        return self._share(model)

    def is_loaded(self, model: str) -> bool:
        """True: nobody needs to be told that a model is loaded for a client."""
        return True

    def describe(self, model: str, fully: bool) -> str | None:
        """Nothing, for the same reason."""
        return None

    def takes_seed(self, model: str) -> bool:
        """False: only models of this machine are served, and their draws cannot be seeded."""
        return False

    def identity(self, model: str, notify: Callable[[str], None]) -> str:
        """Its name: nothing that is made for a client is kept from run to run."""
        return model
