"""Asks a hub one small thing, within a short time: can it be reached, and does it take the user's token?

Imports the other modules about the hub.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from spnl.errors import ModelError
from spnl.frozen import Frozen
from spnl.models.hub import Hub
from spnl.models.hub_failures import HubRefusal, Unavailable, token_refused
from spnl.models.progress import Progress

SECONDS = 5
"""How long a hub is waited for."""


class Greeting(Frozen):
    """Whether the hub at an address answered, and what was wrong: an empty text for nothing."""

    address: str
    reached: bool
    trouble: str = ""
    advice: str = ""


def greet(environ: Mapping[str, str]) -> Greeting:
    """Ask the hub; never raises for what it does. A `ModelError` names a token that cannot be sent."""
    hub = Hub(environ, Progress(), timeout=SECONDS)
    answers = [Greeting(hub.address, False, f"it did not answer within {SECONDS} s")]
    # A thread of its own: looking up a name has no limit of time, and each step of a request its own.
    thread = threading.Thread(target=lambda: answers.append(_ask(hub)), daemon=True)
    thread.start()
    thread.join(SECONDS + 1)
    return answers[-1]


def _ask(hub: Hub) -> Greeting:
    try:
        hub.greet()
    except Unavailable as reason:
        return Greeting(hub.address, False, str(reason))
    except HubRefusal as refusal:
        if refusal.status == 401 and hub.has_token:
            error = token_refused()
            return Greeting(hub.address, True, error.message, "; ".join(error.helps))
        return Greeting(hub.address, True, f"the hub refuses to answer (HTTP {refusal.status})")
    except ModelError as error:
        return Greeting(hub.address, True, error.message, "; ".join(error.helps))
    return Greeting(hub.address, True)
