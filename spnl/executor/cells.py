"""Shared values: each is evaluated once, for all who use it, within a run or over several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spnl.errors import SpnlError
from spnl.query import Bind

if TYPE_CHECKING:
    from spnl.executor.tasks import Task


class Cell:
    """The one evaluation of a shared value: what it came to, and the tasks that wait for it until then."""

    __slots__ = ("done", "error", "value", "waiting")

    def __init__(self) -> None:
        self.done = False
        self.error: SpnlError | None = None
        self.value: Any = None
        self.waiting: list[Task] = []


class Memory:
    """What shared values came to, for runs that share them: a name means the same in all of a session.

    What failed, or was interrupted, is not kept: the next run that uses it tries again.
    """

    def __init__(self) -> None:
        self.cells: dict[Bind, Cell] = {}

    def keep_what_is_known(self) -> None:
        """Forget what has no value."""
        for bind in [bind for bind, cell in self.cells.items() if not cell.done]:
            del self.cells[bind]
