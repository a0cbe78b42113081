"""Who is told what a run does: the command line shows it, a library user may, a test counts it."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractContextManager, nullcontext

from spnl.backends.base import Request
from spnl.errors import SpnlError
from spnl.executor.results import Load, Reply
from spnl.models.progress import Progress


class Generations:
    """Told of the way of each generation that a model makes; every method may be left as it is.

    `which` is the same for all that is told of one, and otherwise means nothing.
    """

    def due(self, which: Hashable) -> None:
        """A generation waits for its turn."""

    def began(self, which: Hashable, request: Request) -> None:
        """The model is asked."""

    def said(self, which: Hashable) -> None:
        """A piece of the reply, or of the thought before it, has come."""

    def ended(self, which: Hashable) -> None:
        """It is over: complete, failed or given up."""


class Observer:
    """Told of everything in a run beside its answer; every method may be left as it is.

    All methods are called in the thread that runs the program.
    """

    def notice(self, text: str) -> None:
        """Something a user should know once: a default taken, a setting this device cannot follow."""

    def loading(self, model: str, what: str | None) -> AbstractContextManager[None]:
        """Surrounds the loading of a model; `what` says what is loaded where that takes a while."""
        return nullcontext()

    def loaded(self, load: Load) -> None:
        """A model has been loaded."""

    def asked(self, model: str, request: Request, prompt: str | None) -> None:
        """A generation starts; `prompt` is what the model reads, where this is known and `wants_prompts`."""

    def thinking(self, thought: str) -> None:
        """A piece of a model's thought."""

    def thought(self) -> None:
        """The model has stopped thinking and starts to reply."""

    def replied(self, reply: Reply) -> None:
        """A generation is complete."""

    def failed(self, error: SpnlError) -> None:
        """Something failed, and the run keeps going."""

    wants_details = False
    """Whether `loading` is to be told of every load, and which file was chosen and why."""

    progress = Progress()
    """Told of files that are fetched for a model."""

    generations = Generations()
    """Told of the way of each generation, for whoever shows it."""

    wants_prompts = False
    """Whether `asked` is to be given rendered prompts, which takes time to make."""
