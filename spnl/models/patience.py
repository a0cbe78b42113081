"""How long a hub that does not answer is asked again: with growing waits, or as long as it says.

Imports the hub's failures and progress only.
"""

from __future__ import annotations

from time import sleep

from spnl.models.hub_failures import Unavailable, unreachable
from spnl.models.progress import Progress

WAITS = (0.2, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each further try; a try that brings something starts them anew."""

LONGEST_WAIT = 300.0
"""Seconds that are waited where the hub asks for it; where it asks for more, the user is told that."""


class Patience:
    """The tries of one request at `host`. Who has none left raises `ModelError` `hub-unreachable`."""

    def __init__(self, host: str, progress: Progress) -> None:
        self._host = host
        self._progress = progress
        self._tries = 0
        self._was_reached = False

    def reward(self) -> None:
        """Something came: whatever fails next is a failure of its own."""
        self._tries = 0
        self._was_reached = True

    def wait(self, reason: Unavailable) -> None:
        """Wait for the next try, if there is to be one."""
        # Whoever has no network wants to be told so at once.
        tries = len(WAITS) if reason.connected or self._was_reached else 1
        seconds = WAITS[min(self._tries, len(WAITS) - 1)] if reason.after is None else reason.after
        if self._tries >= tries or seconds > LONGEST_WAIT:
            raise unreachable(self._host, reason) from None
        self._tries += 1
        if seconds >= 1:
            self._progress.note(f"{self._host}: {reason}; trying again in {seconds:.0f} s")
        sleep(seconds)
