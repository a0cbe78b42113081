"""Failures of generations: what is said of them, which are tried again, and how a run goes on after one."""

from __future__ import annotations

from spnl.errors import GenerationError, ModelError, SpnlError
from spnl.executor.jobs import Job
from spnl.executor.results import Leaf
from spnl.executor.wants import Ask
from spnl.values import preview


def may_retry(error: SpnlError) -> bool:
    """Whether asking again can help: where an engine failed, not where the program or a model is wrong."""
    return isinstance(error, GenerationError)


def named(error: SpnlError, job: Job, ask: Ask) -> SpnlError:
    """The error of a generation, with its place in the program and which of those there it is."""
    if isinstance(error, ModelError):
        # A model that a flag or a variable names is no fault of any place in the program.
        return error.at(job.span) if ask.names_model else error
    which = f"number {job.index + 1} here, " if ask.one_of_several else ""
    tried = f" (tried {job.tries + 1} times)" if job.tries else ""
    error.notes = (*error.notes, f"the generation that failed: {which}{preview(_asked(job))}{tried}")
    return error.at(job.span)


def _asked(job: Job) -> str:
    return job.request.messages[-1][1] if job.request.messages else ""


def failure_leaf(error: SpnlError) -> Leaf:
    """What stands in an answer in the place of what failed."""
    return Leaf("assistant", f"error[{error.id}]: {error.message}", error=error, span=error.span)
