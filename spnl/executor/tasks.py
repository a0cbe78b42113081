"""Tasks: the steps that are under way in a run, and who waits for what they come to."""

from __future__ import annotations

from typing import Any

from spnl.executor.answer import Place, Slot
from spnl.executor.cells import Cell
from spnl.executor.wants import Steps


class Task:
    """Steps under way, who waits for them, and what they are gathering.

    `after` is the place behind the task's own, `place`, where a failure of it would be shown; None where it
    would not be.
    """

    __slots__ = ("after", "gathered", "index", "missing", "parent", "place", "serves", "steps", "wave")

    def __init__(
        self,
        steps: Steps,
        parent: Task | Cell | None,
        index: int = 0,
        place: Place | None = None,
        after: Slot | None = None,
    ) -> None:
        self.steps = steps
        self.place = place
        self.after = after
        self.parent = parent
        self.index = index
        self.serves: int = parent.wave if isinstance(parent, Task) else 0
        """Which wave of the parent's wants this task serves."""
        self.wave: int = 0
        """How often this task has recovered from an error: what served an earlier wave is abandoned."""
        self.gathered: list[Any] | None = None
        self.missing = 0


def is_abandoned(task: Task) -> bool:
    """Whether nobody waits for a task any more, because who did has recovered from another's failure."""
    parent = task.parent
    while isinstance(parent, Task):
        if task.serves != parent.wave:
            return True
        task, parent = parent, parent.parent
    if isinstance(parent, Cell):
        return all(is_abandoned(waiting) for waiting in parent.waiting)
    return False


def is_in_answer(task: Task) -> bool:
    """Whether what a task comes to is shown, and nothing else is made of it; a shared value is both."""
    parent = task.parent
    while isinstance(parent, Task):
        parent = parent.parent
    return parent is None
