"""Jobs: one generation each, and what happens to it."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from spnl.backends.base import Chunk, Finish, Request
from spnl.errors import SpnlError
from spnl.executor.order import Blocks, blocks_of
from spnl.executor.results import Origin, Reply, Times
from spnl.source import Span


class Job:
    """One generation to run: what to ask, of which model, and what has come of it so far.

    `owner` is for whoever submitted the job; the dispatcher does not look at it. `reused` says where the
    reply comes from if it is not generated for this job. `timeout` is in seconds, from when the engine is
    asked, or None for none. Times are of `time.perf_counter`.
    """

    __slots__ = (
        "blocks", "cancelled", "first", "index", "model", "owner", "request", "reused", "span", "started",
        "submitted", "texts", "thoughts", "timeout", "tokens", "tries"
    )  # fmt: skip

    def __init__(
        self,
        model: str,
        request: Request,
        span: Span | None,
        index: int,
        owner: Any,
        timeout: float | None = None,
    ) -> None:
        self.model = model
        self.request = request
        self.span = span
        self.index = index
        self.owner = owner
        self.timeout = timeout
        self.blocks: Blocks = blocks_of(request.messages)
        self.tokens: int | None = None
        """The length of the prompt, once it was measured; -1 where the engine cannot tell."""
        self.texts: list[str] = []
        self.thoughts: list[str] = []
        self.submitted = perf_counter()
        self.started = float("inf")
        """When the engine took it. What an engine has to wait for before that is no part of its time."""
        self.first: float | None = None
        self.cancelled = False
        self.reused: Origin | None = None
        self.tries: int = 0
        """How often this was asked before, and failed."""

    def again(self) -> Job:
        """The same job once more, from the beginning."""
        job = Job(self.model, self.request, self.span, self.index, self.owner, self.timeout)
        job.tries = self.tries + 1
        return job

    @property
    def deadline(self) -> float:
        """When the job has taken too long; infinite for one that has not begun, or may take any time."""
        return self.started + self.timeout if self.timeout is not None else float("inf")


Event = tuple[Job, Chunk | Finish | BaseException]
"""What happens to a job. An exception means that it failed."""


def copied(error: SpnlError) -> SpnlError:
    """An error like this one, that can be given a place of its own."""
    copied = type(error).__new__(type(error), *error.args)
    copied.__dict__.update(error.__dict__)
    copied.__cause__ = error.__cause__
    return copied


def reply_of(job: Job, finish: Finish, times: Times) -> Reply:
    """The reply that a finished job has come to."""
    return Reply(
        text="".join(job.texts),
        thought="".join(job.thoughts),
        model=job.model,
        reason=finish.reason,
        usage=finish.usage,
        index=job.index,
        limit=job.request.sampling.max_tokens or 0,
        **times._asdict(),
        reused=job.reused,
        span=job.span,
    )
