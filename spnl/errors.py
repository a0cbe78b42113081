"""Errors as data: what went wrong, where, and what to do about it.

Nothing here draws or prints; `spnl.diagnostics` does. The tree has two roots, as seen by a user:

    SpnlError           the user's to mend; drawn, never a traceback
      ProgramError      exit 3: the program is wrong
        ReadError         its text cannot be read
          IncompleteError   ... yet: more input could complete it (the REPL asks for another line)
      UsageError        exit 2: command line, environment variable or configuration
      ModelError        exit 4: a model cannot be had
      GenerationError   exit 1: a model or a backend failed while running
      Interrupted       exit 130: the user stopped it
    any other exception a bug of ours

Every error has a stable id (`docs/errors.md` lists them), a message that stands alone (lower case, no
full stop), the smallest span to change where there is one, `notes` for facts and `helps` for what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from spnl.source import Span


class SpnlError(Exception):
    """An error that the user can mend.

    `id`: stable name, as in `error[id]`. `message`: what is wrong. `span`: the smallest place to change,
    or None. `label`: a word or two under the place. `notes`, `helps`: facts, and concrete edits.
    `detail`: what an engine said beyond its first line, shown with `--debug` only.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        id: str,
        message: str,
        *,
        span: Span | None = None,
        label: str = "",
        notes: Iterable[str] = (),
        helps: Iterable[str] = (),
        detail: str = "",
    ) -> None:
        super().__init__(message)
        self.id = id
        self.message = message
        self.span = span
        self.label = label
        self.notes = tuple(notes)
        self.helps = tuple(helps)
        self.detail = detail

    def at(self, span: Span | None) -> SpnlError:
        """This error, placed at `span` unless it already has a place."""
        if self.span is None:
            self.span = span
        return self


class ProgramError(SpnlError):
    """The program is wrong."""

    exit_code = 3


class ReadError(ProgramError):
    """The text of the program cannot be read."""


class IncompleteError(ReadError):
    """The text ends inside a list, a string or a comment: more input could complete it."""


class UsageError(SpnlError):
    """A command line, an environment variable or the configuration is wrong."""

    exit_code = 2


class ModelError(SpnlError):
    """A model cannot be had: unknown, damaged, incompatible, not on this machine."""

    exit_code = 4


class GenerationError(SpnlError):
    """A model or a backend failed while running."""


class Interrupted(SpnlError):
    """The user stopped the run."""

    exit_code = 130

    def __init__(self) -> None:
        super().__init__("interrupted", "interrupted")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one was most likely meant to be, or None where none is near."""
    from difflib import get_close_matches

    found = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The `helps` of an unknown name: the nearest known one, if any is near."""
    found = nearest(name, known)
    return (f"did you mean `{found}`?",) if found is not None else ()
