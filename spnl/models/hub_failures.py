"""What goes wrong with a hub, and what the user can do: makes errors of refusals and silences.

Nothing here may show the user's token; what a hub says is shown as data. Imports errors and `visible`.
"""

from __future__ import annotations

from collections.abc import Sequence

from spnl.errors import ModelError
from spnl.visible import visible

_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token of yours"


class Unavailable(Exception):
    """The hub did not answer, or not now; asking again may help.

    `after` is what it asks to wait, in seconds; `connected` is whether there was a connection at all.
    """

    def __init__(self, reason: str, *, after: float | None = None, connected: bool = True) -> None:
        super().__init__(reason)
        self.after = after
        self.connected = connected


class HubRefusal(Exception):
    """The hub says no: its status, its own code for the reason, and what it says."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = visible(message)[:200]


def unreachable(host: str, reason: Unavailable) -> ModelError:
    """The error for a hub that does not answer."""
    after = (f"it asks to wait {reason.after:.0f} s",) if reason.after else ()
    help = "see whether there is a network" if not reason.connected else "try again later"
    return ModelError(
        "hub-unreachable",
        f"{host} cannot be asked for a model: {reason}",
        notes=after,
        helps=(f"{help}; what was fetched is kept", "--offline uses what is on this machine"),
    )


def malformed(host: str, what: str) -> ModelError:
    """The error for an answer that makes no sense."""
    return ModelError(
        "hub-failed",
        f"the answer of {host} makes no sense: {what}",
        helps=("see whether HF_ENDPOINT is the address of a hub, and what stands between",),
    )


def unsendable_token() -> ModelError:
    """The error for a token that holds what no token holds, which is not shown."""
    return ModelError(
        "hub-refused", "your token cannot be sent: it holds characters that no token has", helps=(_LOG_IN,)
    )


def token_refused(said: Sequence[str] = ()) -> ModelError:
    """The error for a token that the hub does not take; `said` is what it says."""
    return ModelError("hub-refused", "the hub does not take your token", notes=said, helps=(_LOG_IN,))


def refused(
    refusal: HubRefusal, address: str, repo: str, revision: str, *, has_token: bool, near: Sequence[str] = ()
) -> ModelError:
    """The error for a refusal. `near` are helps about names that may have been meant."""
    page = f"{address}/{repo}"
    said = (f"the hub says: {refusal.message}",) if refusal.message else ()
    if refusal.code == "GatedRepo":
        return _gated(repo, page, has_token)
    if refusal.code == "RevisionNotFound":
        return ModelError(
            "no-such-model",
            f"{repo} has no revision `{revision}`",
            helps=(f"see its branches and tags at {page}/tree/main",),
        )
    if refusal.message.startswith("Invalid credentials") or (refusal.status == 401 and has_token):
        return token_refused(said)
    if refusal.code == "RepoNotFound" or (refusal.status in (401, 404) and refusal.code != "EntryNotFound"):
        access = "see whether your account may see it" if has_token else f"if it is private, {_LOG_IN}"
        return ModelError(
            "no-such-model", f"the hub has no model `{repo}`, or it is private", helps=(*near, access)
        )
    status = f" (HTTP {refusal.status})" if refusal.status else ""
    return ModelError("hub-refused", f"the hub does not give {repo} away{status}", notes=said)


def _gated(repo: str, page: str, has_token: bool) -> ModelError:
    accept = f"accept its conditions at {page}"
    if has_token:
        helps: tuple[str, ...] = (f"{accept} with the account of your token, and wait until they let you in",)
    else:
        helps = (accept, f"then {_LOG_IN}")
    return ModelError("gated-model", f"{repo} is gated: its authors give it to those who ask", helps=helps)
