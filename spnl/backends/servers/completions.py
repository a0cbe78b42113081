"""Models that complete texts: the completions API, where several prompts go into one request.

Upstream asks a `map` so. Here a server of the kind `completions` is asked so: a base model without a chat
template, or a server that does better with one request than with many. Generations that are asked for at the
same time, with the same sampling, share a request.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from typing import Any

from spnl.backends.base import Chunk, Finish, Request
from spnl.backends.messages import check_messages
from spnl.backends.servers.engine import ServerEngine
from spnl.backends.servers.events import BatchReading
from spnl.errors import ProgramError, SpnlError

GATHER_SECONDS = 0.01
"""How long a request waits for others to join it."""


class _Member:
    """One generation of a batch: its prompt, and what comes for it. `gone`: nobody waits for it any more."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        self.pieces: SimpleQueue[Chunk | Finish | BaseException] = SimpleQueue()
        self.gone = False


class CompletionsEngine(ServerEngine):
    """A model on a server that completes texts; each generation is exactly one message of the user."""

    gather: Callable[[], None] = staticmethod(partial(time.sleep, GATHER_SECONDS))
    """Waits until those that are asked for at the same time have joined."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._joining = threading.Lock()
        self._open: dict[str, list[_Member]] = {}
        """The batches that can be joined, by what is asked beside the prompt."""

    def stream(self, request: Request) -> Iterator[Chunk | Finish]:
        """The reply, piece by piece, ending with one `Finish`.

        The connection is closed when the iterators of all generations that share it have been closed.
        """
        check_messages(request.messages)
        if [role for role, _ in request.messages] != ["user"]:
            raise ProgramError(
                "no-chat-template",
                f"{self._model} is asked to complete texts: it takes no roles and no several messages",
                helps=("give it exactly one user message, or use a server of another kind",),
            )
        member = _Member(request.messages[0][1])
        self._join(member, self._dialect.body(self._model, request))
        try:
            while True:
                piece = member.pieces.get()
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
                if isinstance(piece, Finish):
                    return
        finally:
            member.gone = True

    def _join(self, member: _Member, body: dict[str, Any]) -> None:
        """Add a generation to the batch for its sampling, and start that where there is none."""
        key = json.dumps(body, sort_keys=True)
        with self._joining:
            batch = self._open.get(key)
            if batch is not None:
                batch.append(member)
                return
            self._open[key] = [member]
        threading.Thread(target=self._run, args=(key, body), name="spnl-batch", daemon=True).start()

    def _run(self, key: str, body: dict[str, Any]) -> None:
        """Ask for a batch, and give each of its members what comes for it."""
        self.gather()
        with self._joining:
            batch = self._open.pop(key)
        asked = {**body, "prompt": [member.prompt for member in batch]}
        try:
            pieces = self._ask("completions", asked, lambda asked: BatchReading(asked, len(batch)))
            for index, piece in pieces:
                batch[index].pieces.put(piece)
                if all(member.gone for member in batch):
                    break
            pieces.close()  # type: ignore[attr-defined]
        except BaseException as error:
            for member in batch:
                member.pieces.put(_copied(error))


def _copied(error: BaseException) -> BaseException:
    """An error of its own for each member, to be placed where that stands."""
    if not isinstance(error, SpnlError):
        return error
    copied = type(error).__new__(type(error), *error.args)
    copied.__dict__.update(error.__dict__)
    return copied
