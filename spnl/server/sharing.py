"""How requests of all clients share the engines: who is next, and when somebody is told to stop.

Every generation of every client goes through one gate, which has a line before each engine and lets begin
what a run of its own would begin next (`spnl.executor.line`): mostly what came first, with what decodes
together with it. A client with a thousand generations has only a few places in the line at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from spnl.backends.base import Batching, Chunk, Engine, Finish, Request, worth
from spnl.errors import Interrupted
from spnl.executor.jobs import Job
from spnl.executor.line import Line

PATIENCE = 16
"""How many generations that came later may begin before the first in line, because of what they read."""


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

    @property
    def is_told(self) -> bool:
        """Whether it is time to stop."""
        return self._error is not None

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


class Turn:
    """One generation of a client's at the gate: `heard` is told of each of its pieces."""

    def __init__(self, stop: Stop, heard: Callable[[], None]) -> None:
        self.stop = stop
        self.called = threading.Event()
        self.has_begun = False
        self.last: Chunk | Finish | None = None
        self._heard_first = heard

    def heard(self, piece: Chunk | Finish) -> None:
        """Note a piece. At the first one the engine has read the prompt, and may read the next."""
        is_first = self.last is None
        self.last = piece
        if is_first and isinstance(piece, Chunk):
            self._heard_first()


class Gate:
    """Lets generations begin, as many at once as their engine is worth (or `parallel`), and in its order.

    Models take turns: while others are waited for, a model's turn is as many generations as its engine is
    worth at once, and ends when they have.
    """

    def __init__(self, parallel: int | None = None) -> None:
        self._parallel = parallel
        self._lock = threading.Lock()
        self._lines: dict[str, Line] = {}
        """The line of each model, the one whose last turn was the longest ago first."""
        self._model: str | None = None
        """Whose turn it is."""
        self._begun = 0
        """How much has begun in this turn."""

    @property
    def waiting(self) -> int:
        """How many generations stand in line."""
        return sum(map(len, list(self._lines.values())))

    @property
    def through(self) -> int:
        """How many are being made."""
        return sum(line.streams for line in list(self._lines.values()))

    def places(self, engine: Engine) -> int:
        """How many places in line one client may have at once.

        Where a batch has to end before the next begins, one more than it has: so the next is whole by then.
        """
        most = worth(engine, self._parallel)
        return most + (engine.batching.equal_only and most > 1)

    @contextmanager
    def turn(self, model: str, engine: Engine, request: Request, stop: Stop) -> Iterator[Turn]:
        """Wait for one's turn, and have it. Raises what `stop` raises when that comes first."""
        job = Job(model, request, None, 0, None)

        def heard_first() -> None:
            with self._lock:
                line.heard(job, Chunk())
                self._admit()

        turn = job.owner = Turn(stop, heard_first)
        with self._lock:
            line = self._line_of(model, engine)
            line.add(job)
            self._admit()
        try:
            with stop.waking(turn.called):
                turn.called.wait()
            stop.check()
            yield turn
        finally:
            with self._lock:
                if turn.has_begun:
                    line.heard(job, turn.last if isinstance(turn.last, Finish) else Interrupted())
                else:
                    line.leave(job)
                self._admit()

    def _line_of(self, model: str, engine: Engine) -> Line:
        """The line before an engine; a new one where the model was loaded anew, and remembers nothing."""
        line = self._lines.get(model)
        if line is None or (line.engine is not engine and not line and not line.is_engaged):
            line = self._lines[model] = Line(self._parallel, _is_unwanted, PATIENCE)
            line.serve(engine)
        return line

    def _admit(self) -> None:
        """Let begin what may."""
        while (admitted := self._next()) is not None:
            line, job = admitted
            self._begun += 1
            if job is line.leader:
                threading.Thread(target=self._lead, args=(line, job), name="spnl-ahead", daemon=True).start()
            else:
                job.owner.has_begun = True
                job.owner.called.set()

    def _next(self) -> tuple[Line, Job] | None:
        """What begins next, if anything may."""
        others = [m for m, line in self._lines.items() if m != self._model and line.has_wanted()]
        line = self._lines.get(self._model) if self._model is not None else None
        if line is not None and line.engine is not None:
            job = line.begin(choose=not others or self._begun < worth(line.engine, self._parallel))
            if job is not None:
                return line, job
            if line.is_engaged:
                return None
        if not others:
            return None
        self._model, self._begun = others[0], 0
        line = self._lines[self._model] = self._lines.pop(self._model)
        job = line.begin()
        return (line, job) if job is not None else None

    def _lead(self, line: Line, job: Job) -> None:
        """Have the engine read what a batch has in common. If that fails, the batch will say so."""
        assert line.engine is not None
        try:
            with suppress(Exception), closing(line.engine.stream(job.request)) as stream:  # type: ignore[type-var]
                for _ in stream:
                    pass
        finally:
            with self._lock:
                line.heard(job, Interrupted())
                self._admit()


def _is_unwanted(job: Job) -> bool:
    turn: Turn = job.owner
    return turn.stop.is_told


class SharedEngine:
    """An engine as one client's request sees it: each of its streams waits at the gate, and stops when told.

    No reply is longer than `max_tokens`.
    """

    def __init__(self, model: str, engine: Engine, gate: Gate, stop: Stop, max_tokens: int) -> None:
        self.parallel = gate.places(engine)
        self.batching = Batching()
        self._model = model
        self._engine = engine
        self._gate = gate
        self._stop = stop
        self._max_tokens = max_tokens

    def stream(self, request: Request) -> Iterator[Chunk | Finish]:
        """The engine's own stream, when it is its turn; the call waits for that."""
        stream = self._stream(request)
        next(stream)
        return stream

    def _stream(self, request: Request) -> Iterator[Any]:
        """None when it is its turn, and then the engine's own stream."""
        sampling = request.sampling
        limit = min(sampling.max_tokens or self._max_tokens, self._max_tokens)
        if limit != sampling.max_tokens:
            request = request.but(sampling=sampling.but(max_tokens=limit))
        with (
            self._gate.turn(self._model, self._engine, request, self._stop) as turn,
            closing(self._engine.stream(request)) as stream,  # type: ignore[type-var]
        ):
            yield None
            for piece in stream:
                turn.heard(piece)
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
