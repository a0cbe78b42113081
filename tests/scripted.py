"""A scripted backend: an engine whose replies, pauses and faults a test decides.

It stands where the real engine does (`spnl.backends.base.Engine`), for tests of order, concurrency, failure
and cost. What a model really says is tested on the real engine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

from spnl.backends.base import Batching, Chunk, Finish, Request, Usage
from spnl.errors import SpnlError
from spnl.models.progress import Progress
from spnl.settings import Settings

PATIENCE = 20.0
"""Seconds after which waiting for another thread is a failure; no test that passes waits so long."""

Script = Callable[[Request], str | Iterable[str | Chunk]]
"""What an engine says to a request: a text, said a word at a time, or the very pieces."""


def echo(request: Request) -> str:
    """Say what the last message says."""
    return request.messages[-1][1]


class Gate:
    """What a script waits at until the test opens it. Waiting for ever is an error, not a hang."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def open(self) -> None:
        """Let everyone through, from now on."""
        self._event.set()

    def wait(self) -> None:
        """Wait until somebody opens the gate."""
        assert self._event.wait(PATIENCE), "nobody opened the gate"


class ScriptedEngine:
    """Streams what `script` says. `requests` are those asked, in order; `cancelled` counts those given up."""

    def __init__(self, script: Script = echo, parallel: int = 1, batching: Batching | None = None) -> None:
        self.script = script
        self.parallel = parallel
        self.batching = batching or Batching()
        self.requests: list[Request] = []
        self.open = 0
        self.most_open = 0
        self.cancelled = 0
        self._changed = threading.Condition()

    @property
    def asked(self) -> list[str]:
        """The last message of each request, in the order of asking."""
        return [request.messages[-1][1] for request in self.requests]

    def stream(self, request: Request) -> Iterator[Chunk | Finish]:
        with self._changed:
            self.requests.append(request)
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            self._changed.notify_all()
        finished = False
        try:
            for piece in self._pieces(request):
                finished = isinstance(piece, Finish)
                yield piece
        except GeneratorExit:
            self.cancelled += not finished
            raise
        finally:
            with self._changed:
                self.open -= 1
                self._changed.notify_all()

    def _pieces(self, request: Request) -> Iterator[Chunk | Finish]:
        said = self.script(request)
        prompt = sum(len(text.split()) for _, text in request.messages)
        if not isinstance(said, str):
            made = 0
            for piece in said:
                made += 1
                yield piece if isinstance(piece, Chunk) else Chunk(text=piece)
            yield Finish("stop", Usage(prompt_tokens=prompt, completion_tokens=made))
            return
        words = said.split(" ")
        limit = request.sampling.max_tokens or len(words)
        for index, word in enumerate(words[:limit]):
            yield Chunk(text=word if index == 0 else f" {word}")
        usage = Usage(prompt_tokens=prompt, completion_tokens=min(limit, len(words)))
        yield Finish("length" if limit < len(words) else "stop", usage)

    def wait_for_open(self, count: int) -> None:
        """Wait until exactly `count` streams are open."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.open == count, PATIENCE), (
                f"{self.open} streams are open"
            )

    def render(self, request: Request) -> str | None:
        return "\n".join(f"<{role}>{text}" for role, text in request.messages)

    def count_tokens(self, request: Request) -> int | None:
        return sum(len(text.split()) for _, text in request.messages)

    def close(self) -> None:
        pass


class ScriptedModels:
    """Gives one engine for every model's name, or one for each that `engines` names.

    `loaded` are the names in the order of loading; `faults` are those that cannot be had.
    """

    def __init__(
        self,
        engine: ScriptedEngine,
        *,
        faults: Mapping[str, SpnlError] | None = None,
        **engines: ScriptedEngine,
    ) -> None:
        self.engine = engine
        self.engines = engines
        self.faults = faults or {}
        self.loaded: list[str] = []
        self.settings: Settings | None = None

    def with_settings(self, settings: Settings) -> ScriptedModels:
        """These models, whatever the settings: the last ones are kept."""
        self.settings = settings
        return self

    def get(self, model: str, notify: Callable[[str], None]) -> ScriptedEngine:
        if model in self.faults:
            raise self.faults[model]
        if model not in self.loaded:
            self.loaded.append(model)
        return self.engines.get(model, self.engine)

    def supplied(self, progress: Progress, *, offline: bool = False, lock: object = None) -> ScriptedModels:
        return self

    def is_loaded(self, model: str) -> bool:
        return model in self.loaded

    def describe(self, model: str, fully: bool) -> str | None:
        return None

    def takes_seed(self, model: str) -> bool:
        return not model.startswith("mistralrs/")

    def identity(self, model: str, notify: Callable[[str], None]) -> str:
        if model in self.faults:
            raise self.faults[model]
        return f"scripted {model}"
