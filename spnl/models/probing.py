"""Tries a chat template of a stranger's file: which roles does it take?

Jinja's sandbox keeps a template from reaching out, but one line is enough to run for ever or to fill the
memory. So it is tried in a process of its own, `python -m spnl.models.probing`, with limits. Imports the
other modules of models.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

from spnl.models.chat import ChatTemplate

SECONDS = 5
"""How long a template may take, with the start of its process."""

MEMORY = 512 * 1024 * 1024
"""How many bytes its process may take, where the system has such a limit."""

_PROBE = "spnl-probe"
_PROBES = {
    "system": (("system", _PROBE), ("user", "b")),
    "user": (("user", _PROBE),),
    "assistant": (("user", "a"), ("assistant", _PROBE), ("user", "b")),
}
"""For each role, the shortest conversation that has it in its place."""


def roles_of(template: ChatTemplate | None) -> tuple[str, ...] | None:
    """The roles whose messages a template puts into the prompt; None where there is no template.

    There are none where it fails, or takes more than `SECONDS` or `MEMORY`.
    """
    if template is None:
        return None
    import json

    asked = json.dumps([template.text, template.bos_token, template.eos_token, template.unk_token])
    try:
        tried = subprocess.run(
            [sys.executable, "-P", "-m", __name__],
            input=asked.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    # The last line is of our own making, and short, whatever the template did.
    return tuple(role for role in tried.stdout.decode("ascii", "replace").split() if role in _PROBES)


def _main() -> None:
    """Read a template from stdin, and write the roles that it takes to stdout."""
    import json

    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    template = ChatTemplate(*json.load(sys.stdin))
    for role, messages in _PROBES.items():
        if _PROBE in (template.render(messages) or ""):
            print(role, flush=True)


if __name__ == "__main__":
    _main()
