"""A session that was killed can be brought back: its entries, and what was said in them, are in a file.

Each entry is one line of JSON, written when the entry is done. Bringing a session back takes its entries once
more, with the replies that the file has in place of a model. A session that ends in order leaves no file; the
file of one that lives is locked, so that nobody else takes it for lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import time, time_ns
from typing import Any, Protocol

from spnl.backends.base import Batching, Chunk, Engine, Finish, Request, Usage
from spnl.errors import GenerationError
from spnl.executor.dispatch import Models
from spnl.frozen import Frozen
from spnl.places import make_private, state_folder
from spnl.repl.private_files import lock, open_private

MOST_BYTES = 16 * 1024 * 1024
"""How large a session's file may get; what is entered after that is not kept."""

MOST_LOST = 5
"""How many lost sessions are kept."""

RECENT_SECONDS = 24 * 60 * 60
"""For how long a lost session is spoken of."""

Exchange = dict[str, Any]


class Entry(Frozen):
    """An entry that was taken: its text, the exchanges with models, what the person answered when asked.

    `said` is what was said before the person stopped it.
    """

    text: str
    exchanges: Sequence[Exchange] = ()
    asked: Sequence[str | None] = ()
    said: str | None = None


class SessionFile:
    """The file of a session that lives; it is made with its first entry, and gone when it ends in order."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._descriptor = -1
        self._size = 0

    def add(self, entry: Entry) -> None:
        """Keep an entry. Where nothing can be written, nothing is kept."""
        line = json.dumps(entry.as_dict()).encode() + b"\n"
        self._size += len(line)
        if self._size > MOST_BYTES:
            return
        try:
            if self._path is None:
                self._open()
            os.write(self._descriptor, line)
        except OSError:
            return

    def remove(self) -> None:
        """The session ended in order."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._path = None

    def _open(self) -> None:
        make_private(str(self._folder))
        path = self._folder / f"{time_ns()}-{os.getpid()}.jsonl"
        self._descriptor = open_private(path, os.O_WRONLY | os.O_APPEND | os.O_EXCL)
        lock(self._descriptor)
        self._path = path


def sessions_folder(environ: Mapping[str, str]) -> Path:
    """Where sessions keep their files."""
    return Path(state_folder(environ)) / "sessions"


class Lost:
    """The file of a session that is no more. It is locked until it is closed."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    def is_recent(self) -> bool:
        """Whether its last entry is not long ago."""
        return time() - self._path.stat().st_mtime < RECENT_SECONDS

    def entries(self) -> list[Entry]:
        """The entries; a line that was not written whole is left out."""
        found = []
        for line in self._path.read_bytes().splitlines():
            try:
                found.append(Entry(**json.loads(line)))
            except (ValueError, TypeError):
                continue
        return found

    def close(self, *, remove: bool) -> None:
        """Let go of the file, or remove it."""
        if remove:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def last_lost(folder: Path) -> Lost | None:
    """The last session that did not end in order, if there is one; all but `MOST_LOST` are removed."""
    found: Lost | None = None
    try:
        paths = sorted(folder.glob("*.jsonl"), reverse=True)
    except OSError:
        return None
    for index, path in enumerate(paths):
        try:
            descriptor = os.open(path, os.O_RDWR)
        except OSError:
            continue
        if not lock(descriptor, wait=False):
            os.close(descriptor)
            continue
        lost = Lost(path, descriptor)
        if found is None:
            found = lost
        else:
            lost.close(remove=index >= MOST_LOST)
    return found


class Pool(Models, Protocol):
    """Models that can also be unloaded: the process's pool, or a test's own."""

    def unload(self, model: str) -> bool:
        """Close a model's engine; whether it was loaded."""
        ...

    def loaded(self) -> tuple[str, ...]:
        """The names of the models in memory."""
        ...


class RecordingModels:
    """Gives out the engines of another, and keeps what they are asked and say. `taken` empties it."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self._exchanges: list[Exchange] = []

    def get(self, model: str, notify: Callable[[str], None]) -> Engine:
        """The engine of a model."""
        return _RecordingEngine(self.models.get(model, notify), model, self._exchanges)

    def is_loaded(self, model: str) -> bool:
        """Whether `get` would return at once."""
        return self.models.is_loaded(model)

    def takes_seed(self, model: str) -> bool:
        """Whether the model's draws can be seeded."""
        return self.models.takes_seed(model)

    def identity(self, model: str, notify: Callable[[str], None]) -> str:
        """What tells the model from every other."""
        return self.models.identity(model, notify)

    def describe(self, model: str, fully: bool) -> str | None:
        """What `get` would load."""
        return self.models.describe(model, fully)

    def taken(self) -> list[Exchange]:
        """What was said since this was last called."""
        taken = self._exchanges[:]
        del self._exchanges[: len(taken)]
        return taken


class _RecordingEngine:
    """One engine, and where what it says is kept."""

    def __init__(self, engine: Engine, model: str, exchanges: list[Exchange]) -> None:
        self._engine = engine
        self._model = model
        self._exchanges = exchanges
        self.parallel = engine.parallel
        self.batching = engine.batching

    def stream(self, request: Request) -> Iterator[Chunk | Finish]:
        texts: list[str] = []
        thoughts: list[str] = []
        for piece in self._engine.stream(request):
            if isinstance(piece, Chunk):
                texts.append(piece.text)
                thoughts.append(piece.thought)
            else:
                self._exchanges.append(
                    {
                        "model": self._model,
                        "messages": request.messages,
                        "text": "".join(texts),
                        "thought": "".join(thoughts),
                        "reason": piece.reason,
                        "usage": piece.usage.as_dict(),
                    }
                )
            yield piece

    def render(self, request: Request) -> str | None:
        return self._engine.render(request)

    def count_tokens(self, request: Request) -> int | None:
        return self._engine.count_tokens(request)

    def close(self) -> None:
        self._engine.close()


class ReplayingModels:
    """Says what was said in an entry before. Where that was interrupted, so is this, at the same place."""

    parallel = 1

    def __init__(self, entry: Entry) -> None:
        self._left = list(entry.exchanges)
        self._said = entry.said

    def get(self, model: str, notify: Callable[[str], None]) -> Engine:
        """An engine that stands in for a model."""
        return _ReplayingEngine(model, self._left, self._said)

    def is_loaded(self, model: str) -> bool:
        """Nothing needs to be loaded."""
        return True

    def takes_seed(self, model: str) -> bool:
        """What was said before stays, whatever the seed."""
        return True

    def identity(self, model: str, notify: Callable[[str], None]) -> str:
        """The name: nothing is kept by it."""
        return model

    def describe(self, model: str, fully: bool) -> str | None:
        """Nothing is loaded."""
        return None


class _ReplayingEngine:
    """Stands in for a model that was asked before."""

    parallel = 1
    batching = Batching()

    def __init__(self, model: str, left: list[Exchange], said: str | None) -> None:
        self._model = model
        self._left = left
        self._said = said

    def stream(self, request: Request) -> Iterator[Chunk | Finish]:
        messages = [list(message) for message in request.messages]
        for exchange in self._left:
            if exchange["model"] == self._model and exchange["messages"] == messages:
                self._left.remove(exchange)
                yield Chunk(text=exchange["text"], thought=exchange["thought"])
                yield Finish(exchange["reason"], Usage(**exchange["usage"]))
                return
        if self._said is None:
            raise GenerationError("engine-failed", "this was not said in the session")
        yield Chunk(text=self._said)
        raise KeyboardInterrupt

    def render(self, request: Request) -> str | None:
        return None

    def count_tokens(self, request: Request) -> int | None:
        return None

    def close(self) -> None:
        pass
