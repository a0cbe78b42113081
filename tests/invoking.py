"""The command run within a test: arguments, stdin and environment in; both streams and the exit code out."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from scripted import Script, ScriptedEngine, ScriptedModels, echo

from spnl.backends.base import Chunk, Request
from spnl.errors import GenerationError

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Ran(NamedTuple):
    """What a run of the command left."""

    out: bytes
    err: str
    code: int


def performer(request: Request) -> str | Iterator[str | Chunk]:
    """A script that echoes, but at `!fail …`, `!think …`, `!nothing` and `!colours` does what they say."""
    text = echo(request)
    if text.startswith("!fail"):
        raise GenerationError("engine-failed", "the engine failed: it broke", detail="it broke\nat line 1")
    if text.startswith("!think"):
        return iter([Chunk(thought="so"), Chunk(thought=" then"), text.removeprefix("!think ")])
    if text == "!nothing":
        return iter([])
    if text.startswith("!colours"):
        return iter(["\x1b[31mred", "\x1b]0;title\x07\r", "é"])
    return text


class _Stream(io.TextIOWrapper):
    """A stream over bytes in memory that may say that it is a terminal."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal


def _stream(data: bytes = b"", terminal: bool = False) -> _Stream:
    stream = _Stream(io.BytesIO(data), encoding="utf-8", newline="")
    stream.terminal = terminal
    return stream


def invoke(
    monkeypatch: pytest.MonkeyPatch,
    args: Sequence[str],
    *,
    stdin: bytes = b"",
    terminal: bool = False,
    script: Script | None = performer,
) -> Ran:
    """Run the command in this process; `script` None leaves the real models in place."""
    from spnl import cli
    from spnl.backends import pool

    streams: dict[str, Any] = {
        "stdin": _stream(stdin, terminal),
        "stdout": _stream(terminal=terminal),
        "stderr": _stream(terminal=terminal),
    }
    with monkeypatch.context() as patch:
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        if script is not None:
            patch.setattr(pool, "POOL", ScriptedModels(ScriptedEngine(script)))
        code = cli.run(args)
        for name in ("stdout", "stderr"):
            streams[name].flush()
    written = {name: streams[name].buffer.getvalue() for name in ("stdout", "stderr")}
    return Ran(written["stdout"], written["stderr"].decode("utf-8"), code)


def command(*args: str) -> list[str]:
    """The command line of a process that runs the command."""
    return [sys.executable, "-m", "spnl", *args]


def run_process(*args: str, stdin: bytes = b"", **options: Any) -> Ran:
    """Run the command as a process of its own, with real streams."""
    environment = process_environment(**options.pop("env", {}))
    ran = subprocess.run(
        command(*args), input=stdin, capture_output=True, check=False, timeout=60, env=environment, **options
    )
    return Ran(ran.stdout, ran.stderr.decode("utf-8"), ran.returncode)


def gated_command(*args: str) -> list[str]:
    """The command line of a process whose model waits at a gate (`gated_command.py`)."""
    return [sys.executable, os.path.join(ROOT, "tests", "gated_command.py"), *args]


def process_environment(**more: str) -> dict[str, str]:
    """An environment in which a process finds this project, wherever it runs."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join((ROOT, os.path.join(ROOT, "tests"))), **more}


class Gated:
    """A process whose model waits at a gate, and whose output streams are pipes."""

    def __init__(self, *args: str) -> None:
        self._gate, self._opener = os.pipe()
        self.process = subprocess.Popen(
            gated_command(*args),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[self._gate],
            env=process_environment(GATE=str(self._gate)),
        )
        assert self.process.stdout is not None and self.process.stderr is not None
        self.stdout, self.stderr = self.process.stdout, self.process.stderr

    def open(self, pieces: int = 1) -> None:
        """Let the model say so many pieces more."""
        os.write(self._opener, b"." * pieces)

    def __enter__(self) -> Gated:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.stdout, self.stderr):
            stream.close()
        os.close(self._gate)
        os.close(self._opener)
