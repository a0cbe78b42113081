"""What servers say when something fails, as errors of ours.

Every server has its own shape of error: OpenAI `{"error": {"message", "type", "param", "code"}}`, Gemini the
same in a list, older vLLM `{"message"}`, FastAPI `{"detail"}`, mistral.rs and proxies a plain text. What a
server says is data: one line of it is quoted, without the key, should the server repeat it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from spnl.backends.servers.address import Address
from spnl.backends.servers.dialect import clause_of
from spnl.errors import GenerationError, ModelError, ProgramError, SpnlError, nearest
from spnl.frozen import Frozen

LONGEST_WAIT = 60.0
"""Seconds that a server may ask to wait before the next try; one that asks for more is not waited for."""

_AGAIN = (408, 429, 500, 502, 503, 504, 529)
_TOO_LONG = re.compile(
    r"context.?(length|size|window)|maximum (context|model|input)|prompt (is )?too long"
    r"|input token count|longer than the maximum|exceeds the (available |maximum )?context",
    re.IGNORECASE,
)
_LISTED = 8


class Failure(Exception):
    """A failed request: the error, and whether the same request may succeed later.

    `wait`: the seconds after which the server asks to be tried again, where it says so.
    """

    def __init__(self, error: SpnlError, *, again: bool = False, wait: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.again = again
        self.wait = wait


class Asked(Frozen):
    """What an error needs to know of a request: of whom, for which model, with which words of sampling."""

    address: Address
    model: str
    words: tuple[str, ...] = ()

    @property
    def server(self) -> str:
        """The server, for people."""
        return f"the server at {self.address.url}"


class Said(NamedTuple):
    """What a server says of an error: its message, in one line; its code and type; the word it is about."""

    message: str
    code: str = ""
    param: str = ""


def said(body: str, asked: Asked) -> Said:
    """What a server says in the body of a failed reply, however it says it."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return Said(_one_line("" if body.lstrip().startswith("<") else body, asked))
    if isinstance(found, list) and found:
        found = found[0]
    inner = found.get("error", found) if isinstance(found, dict) else found
    if not isinstance(inner, dict):
        return Said(_one_line(inner if isinstance(inner, str) else body, asked))
    message = inner.get("message") or inner.get("detail") or inner.get("error") or body
    code = " ".join(str(inner.get(name) or "") for name in ("code", "type", "status"))
    text = message if isinstance(message, str) else json.dumps(message)
    return Said(_one_line(text, asked), code, str(inner.get("param") or ""))


def _one_line(text: str, asked: Asked) -> str:
    """The beginning of a text on one line, without the key."""
    if asked.address.key:
        text = text.replace(asked.address.key, "…")
    line = " ".join(text[:2000].split())
    return line if len(line) <= 300 else f"{line[:300]}…"


def refused(status: int, body: str, wait: float | None, asked: Asked) -> Failure:
    """The failure for a reply with an HTTP status that is no success. 404 is `not_there`'s."""
    what = said(body, asked)
    if status in (401, 403):
        return Failure(_key_refused(status, what, asked))
    if 300 <= status < 400:
        return Failure(
            ModelError(
                "not-a-server",
                f"{asked.server} sends us elsewhere (HTTP {status}), where prompts and keys are not sent",
                helps=(f"if that place is right, set {asked.address.setting} to it",),
                notes=(f"it names {body}",) if body else (),
            )
        )
    if status == 429 and "insufficient_quota" in what.code:
        helps = ("see to the account of your key, or use another model",)
        error = GenerationError("server-busy", f"{asked.server} has no quota left", helps=helps)
        return Failure(_with_words(error, what))
    if status in _AGAIN:
        too_long = wait is not None and wait > LONGEST_WAIT
        return Failure(_unavailable(status, what, wait, asked), again=not too_long, wait=wait)
    if status >= 500:
        return Failure(_unavailable(status, what, wait, asked))
    return Failure(_bad_request(status, what, asked))


def _key_refused(status: int, what: Said, asked: Asked) -> SpnlError:
    variable = asked.address.key_variable
    if asked.address.key is None:
        name = variable or "`key_env` of the server in the configuration"
        return _with_words(
            ModelError(
                "no-key",
                f"{asked.server} wants a key, and none is set",
                helps=(f"set {name} to a key of this server",),
            ),
            what,
        )
    if status == 403:
        message = f"{asked.server} does not let this key use {asked.model}"
    else:
        message = f"{asked.server} does not take the key in {variable}"
    return _with_words(ModelError("key-refused", message, helps=(f"see to the key in {variable}",)), what)


def _unavailable(status: int, what: Said, wait: float | None, asked: Asked) -> SpnlError:
    if status in (429, 503, 529):
        helps = (f"it asks to wait for {wait:.0f} seconds",) if wait else ("try again later",)
        return _with_words(
            GenerationError("server-busy", f"{asked.server} is too busy (HTTP {status})", helps=helps), what
        )
    helps = ("see what the server logs, or try again later",)
    return _with_words(
        GenerationError("server-failed", f"{asked.server} failed (HTTP {status})", helps=helps), what
    )


def _bad_request(status: int, what: Said, asked: Asked) -> SpnlError:
    """The error for a request that the server does not take, by what it says of it."""
    if _TOO_LONG.search(what.message) or re.search("context|prompt-too-long", what.code):
        return _with_words(
            ProgramError(
                "prompt-too-long",
                f"the prompt is longer than {asked.model} takes",
                helps=("shorten the input, or use a model with a longer context",),
            ),
            what,
        )
    word = refused_word(what, asked.words)
    if word is not None:
        clause = clause_of(word)
        return _with_words(
            ProgramError(
                "bad-sampling",
                f"{asked.server} does not take `{clause}` as it is for {asked.model}",
                helps=(f"change `{clause}`, or leave it out",),
            ),
            what,
        )
    message = f"{asked.server} refuses this request (HTTP {status})"
    helps = ("change what it does not take: the messages, or a clause of the generation",)
    return _with_words(ProgramError("request-refused", message, helps=helps), what)


def refused_word(what: Said, words: Sequence[str]) -> str | None:
    """The word of a request that a server's error is about, if it is about one."""
    if what.param:
        named = what.param.partition(".")[0]
        return named if named in words else None
    return next((word for word in words if re.search(rf"(?<![\w-]){word}(?![\w-])", what.message)), None)


def not_there(body: str, offered: Sequence[str] | None, asked: Asked) -> SpnlError:
    """The error for a 404. `offered` are the server's models, None where it did not say."""
    what = said(body, asked)
    if offered is None and "model" not in what.message.lower():
        return _with_words(
            ModelError(
                "not-a-server",
                f"there is no OpenAI-compatible API at {asked.address.url}",
                helps=(f"see to {asked.address.setting}: the address ends with the API's path, often /v1",),
            ),
            what,
        )
    error = ModelError("no-such-model", f"{asked.server} has no model `{asked.model}`")
    if offered is not None:
        near = nearest(asked.model, offered)
        helps = (f"did you mean `{near}`?",) if near else ()
        more = f" and {len(offered) - _LISTED} more" if len(offered) > _LISTED else ""
        names = ", ".join(f"`{name}`" for name in offered[:_LISTED])
        error.helps = (*helps, f"it offers {names}{more}" if offered else "it offers none")
    return _with_words(error, what)


def broken(asked: Asked, how: str) -> SpnlError:
    """The error for a reply that makes no sense, or that ended before its end."""
    return GenerationError("server-failed", f"{asked.server} {how}")


def timed_out(asked: Asked, seconds: float, what: str) -> SpnlError:
    """The error for a wait that was too long, for `what`."""
    return GenerationError(
        "server-timeout",
        f"{asked.server} sent {what} within {seconds:g} seconds",
        helps=("see whether the server is overloaded, or still loading the model",),
    )


def unreachable(asked: Asked, reason: str) -> SpnlError:
    """The error for a server that there is no connection to."""
    start = ("start it, for instance with `ollama serve`",) if ":11434" in asked.address.url else ()
    return ModelError(
        "no-such-server",
        f"{asked.server} cannot be reached: {reason}",
        helps=(*start, f"see whether it runs, and to {asked.address.setting}"),
    )


def _with_words(error: SpnlError, what: Said) -> SpnlError:
    if what.message:
        error.notes = (*error.notes, f"it says: {what.message}")
    return error
