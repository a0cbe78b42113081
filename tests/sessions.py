"""Sessions without a terminal: what is entered, what comes out on each stream."""

from __future__ import annotations

import io
from typing import Any

from scripted import Script, ScriptedEngine, ScriptedModels, echo

from spnl.console import Console
from spnl.repl.session import Session


class RecordedConsole(Console):
    """A console whose streams are texts; `terminal` says what both of them are."""

    def __init__(self, terminal: bool = False) -> None:
        super().__init__("never")
        self.written = io.BytesIO()
        self.stdout = self.written
        self.stdout_is_terminal = self.stderr_is_terminal = terminal
        self.told = ""

    def put(self, text: str) -> None:
        self.told += text


class Typist:
    """Types into a session, and reads what comes of it."""

    def __init__(self, script: Script = echo, **options: Any) -> None:
        self.engine = ScriptedEngine(script)
        self.models = Pool(self.engine)
        self.console = RecordedConsole(options.pop("terminal", False))
        self.session = Session(self.console, self.models, model="m", **options)

    def enter(self, *entries: str) -> str:
        """Enter something; what it wrote to stdout."""
        start = len(self.console.written.getvalue())
        for entry in entries:
            assert self.session.enter(entry)
        return self.console.written.getvalue()[start:].decode()

    def told(self, *entries: str) -> str:
        """Enter something; what it wrote to stderr."""
        start = len(self.console.told)
        self.enter(*entries)
        return self.console.told[start:]


class Pool:
    """Scripted models that can be unloaded, as those of the process's pool can."""

    def __init__(self, engine: ScriptedEngine) -> None:
        self._models = ScriptedModels(engine)
        self.get = self._models.get
        self.is_loaded = self._models.is_loaded
        self.describe = self._models.describe
        self.identity = self._models.identity

    def loaded(self) -> tuple[str, ...]:
        return tuple(self._models.loaded)

    def unload(self, model: str) -> bool:
        if model not in self._models.loaded:
            return False
        self._models.loaded.remove(model)
        return True
