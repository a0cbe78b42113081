"""Recorders: what a run shows and tells, kept in order for a test to look at; and runs of small programs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from scripted import ScriptedEngine, ScriptedModels

import spnl
from spnl.backends.base import Request
from spnl.executor.answer import Style
from spnl.executor.results import Branch, Leaf, Reply, Result
from spnl.source import Span

Event = tuple[str, str]


class RecordedOutput:
    """An output that keeps what happens to it: ("begin", style), ("write", text), ("end", text)."""

    def __init__(self, *, is_live: bool = True) -> None:
        self.is_live = is_live
        self.events: list[Event] = []

    def begin(self, style: Style) -> None:
        self.events.append(("begin", style))

    def write(self, text: str) -> None:
        self.events.append(("write", text))

    def end(self, leaf: Leaf) -> None:
        self.events.append(("end", leaf.text))

    @property
    def leaves(self) -> list[tuple[str, str]]:
        """Each leaf as (style, text), as it was written piece by piece."""
        found: list[tuple[str, str]] = []
        for event, text in self.events:
            if event == "begin":
                found.append((text, ""))
            elif event == "write":
                found[-1] = (found[-1][0], found[-1][1] + text)
        return found


class RecordedObserver(spnl.Observer):
    """An observer that keeps what it is told, and calls `on_reply` at each reply, in the run's own thread."""

    def __init__(self, on_reply: Callable[[Reply], None] | None = None, prompts: bool = False) -> None:
        self.notices: list[str] = []
        self.loads: list[str] = []
        self.replies: list[Reply] = []
        self.spans: list[Span | None] = []
        self.thoughts: list[str] = []
        self.prompts: list[str | None] = []
        self.threads: set[threading.Thread] = set()
        self.wants_prompts = prompts
        self._on_reply = on_reply

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def loading(self, model: str, what: str | None) -> AbstractContextManager[None]:
        self.loads.append(model)
        return nullcontext()

    def asked(self, model: str, request: Request, prompt: str | None) -> None:
        self.threads.add(threading.current_thread())
        self.prompts.append(prompt)

    def thinking(self, thought: str) -> None:
        self.thoughts.append(thought)

    def thought(self) -> None:
        self.thoughts.append("|")

    def replied(self, reply: Reply) -> None:
        self.threads.add(threading.current_thread())
        self.replies.append(reply)
        self.spans.append(reply.span)
        if self._on_reply is not None:
            self._on_reply(reply)


def run(program: str, engine: ScriptedEngine | None = None, **options: Any) -> spnl.Answer:
    """Run a program on a scripted engine (one that echoes, without another), with `spnl.run`'s options."""
    options.setdefault("models", ScriptedModels(engine or ScriptedEngine()))
    return spnl.run(program, **options)


def texts(answer: spnl.Answer) -> list[str]:
    """The texts of an answer's parts."""
    return [part.text for part in answer.parts]


def shape(result: Result) -> Any:
    """A result as nested tuples: `("seq", "text", …)`."""
    if isinstance(result, Branch):
        return (result.kind, *map(shape, result.children))
    return result.text


def saying(replies: Mapping[str, Any]) -> Callable[[Request], Any]:
    """A script that says what `replies` has for the last message; a function there is called for it."""

    def script(request: Request) -> Any:
        said = replies[request.messages[-1][1]]
        return said() if callable(said) else said

    return script
