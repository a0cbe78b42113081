"""What a session tells of functions and of runs, in a line."""

from __future__ import annotations

from spnl.forms.registry import FormFunction
from spnl.repl.running import Ran
from spnl.scope import Closure


def described(function: Closure | FormFunction) -> str:
    """How a function is called."""
    if isinstance(function, FormFunction):
        return function.form.signature
    return f"({' '.join((function.name, *function.params))})"


def timing(ran: Ran) -> str:
    """How long a run took, and how fast its tokens came."""
    tokens = sum(reply.usage.completion_tokens for reply in ran.replies)
    if not tokens:
        return f"{ran.seconds:.2f} s"
    decoding = sum(reply.total - reply.first_token for reply in ran.replies)
    speed = f", {tokens / decoding:.0f} tokens/s" if decoding > 0 else ""
    first = min(reply.first_token for reply in ran.replies)
    return f"{ran.seconds:.2f} s, {tokens} tokens{speed}, first after {first * 1000:.0f} ms"
