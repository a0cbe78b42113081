"""Models' names: which backend a name belongs to, and what it means there.

A name is `PREFIX/REST`, or the rest alone for this machine. A prefix is one of `PREFIXES`, or the name of a
server in the configuration. What the rest may be, here:

    tiny                  the bundled model
    a path                begins with `/`, `./`, `../` or `~`, or ends in `.gguf`
    org/repo              a repository of Hugging Face: the best of its files
    org/repo:Q8_0         its file in a quantisation
    org/repo/x/y.gguf     a file of it, also written `org/repo:x/y.gguf`
    org/repo@main         a branch, a tag or a commit of it, also before `:Q8_0` and before `/x/y.gguf`

After any of them may stand `#adapter=WHERE`, a LoRA adapter: a folder, or a repository.

The working directory never shadows a repository: a path that could be taken for one is written `./org/repo`.
Imports errors and frozen records only.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Container

from spnl.errors import ModelError
from spnl.frozen import Frozen

HERE = "mistralrs"
"""The backend of models that run on this machine."""

BUNDLED = "tiny"
"""The name of the model that comes with the package."""

PREFIXES = {
    "mistralrs": HERE,
    "local": HERE,
    "openai": "openai",
    "ollama": "ollama",
    "gemini": "gemini",
}
"""What a name may begin with, and the backend that each prefix belongs to."""

ADAPTER_MARK = "#adapter="
"""What stands between a model's name and its adapter."""

_PATH_STARTS = ("/", "./", "../", "~")
_SEGMENT = r"(?!\.+(?:[/:@]|$))[\w.-]+"
_REVISION = r"refs/(?:pr|convert)/[\w.-]+|[\w.-]+"
_HUB = (
    rf"(?P<repo>{_SEGMENT}(?:/{_SEGMENT})?)(?:@(?P<before>{_REVISION}))?"
    r"(?:[:/](?P<file>[^:@]+\.gguf)|:(?P<quant>[\w.-]+))?"
    rf"(?:@(?P<after>{_REVISION}))?"
)
_MARKS = "after a repository stands `:Q8_0`, `@revision` or `/file.gguf`"
_UNWRITABLE = r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]"
# Patterns are texts here: most runs name the bundled model, and compile none of them.


class ModelName(Frozen):
    """A model's name in its two parts: the backend, and the name of the model there."""

    backend: str
    rest: str


class HubName(Frozen):
    """A repository of Hugging Face, and what of it is asked for: a revision, a quantisation or a file."""

    repo: str
    revision: str | None = None
    quant: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        """The name as one types it."""
        revision = f"@{self.revision}" if self.revision else ""
        quant = f":{self.quant}" if self.quant else ""
        return f"{self.repo}{revision}{quant}" + (f"/{self.file}" if self.file else "")


def parse_model(name: str, servers: Container[str] = ()) -> ModelName:
    """Take a model's name apart; `ModelError` `bad-model-name` where it cannot be one.

    `servers` are the names of servers in the configuration, each of which is a prefix, and a backend.
    """
    if not name.strip():
        raise _bad("a model's name is empty")
    if not name.isprintable() and re.search(_UNWRITABLE, name):
        raise _bad(f"{name!r} cannot be a model's name: it holds a control character")
    prefix, slash, rest = name.partition("/")
    if not slash or (prefix not in PREFIXES and prefix not in servers):
        prefix, rest = HERE, name
    backend = PREFIXES.get(prefix, prefix)
    if not rest:
        raise _bad(f"`{name}` names no model after `{prefix}/`")
    if "://" in rest:
        raise _bad(f"`{name}` is an address, not a model's name")
    plain, adapter = split_adapter(rest)
    if adapter is not None and (backend != HERE or not adapter):
        raise _bad(
            f"`{name}` names no adapter" if not adapter else f"a server's model `{name}` takes no adapter"
        )
    if backend == HERE and plain != BUNDLED and not is_path(plain) and parse_hub(plain) is None:
        hint = _MARKS if re.search("[@:]", rest) else "begin a path with `/`, `./`, `../` or `~`"
        raise _bad(f"`{name}` cannot be a model's name", hint)
    if backend != HERE and " " in rest:
        raise _bad(f"`{name}` cannot be a model's name: it holds a space")
    return ModelName(backend, rest)


def split_adapter(rest: str) -> tuple[str, str | None]:
    """A model's name without its prefix, and the LoRA adapter that it is to have: `NAME#adapter=WHERE`."""
    name, mark, adapter = rest.partition(ADAPTER_MARK)
    return name, adapter if mark else None


def with_adapter(name: str, adapter: str) -> str:
    """The name of a model with an adapter; `ModelError` `bad-model-name` where it has one."""
    if ADAPTER_MARK in name:
        raise _bad(f"`{name}` has an adapter already")
    return f"{name}{ADAPTER_MARK}{adapter}"


def parse_hub(rest: str) -> HubName | None:
    """What a name without its prefix asks of Hugging Face; None where it can be a path only, or nothing.

    `org/repo/x.gguf` may be either: a repository's file, or a path from here.
    """
    found = None if _is_marked(rest) else re.fullmatch(_HUB, rest, re.ASCII | re.IGNORECASE)
    if found is None or (found["before"] and found["after"]):
        return None
    repo, file = found["repo"], found["file"]
    if file is None and rest.lower().endswith(".gguf"):
        return None
    if file is not None and ("/" not in repo or any(part.strip(".") == "" for part in file.split("/"))):
        return None
    return HubName(repo, found["before"] or found["after"], found["quant"], file)


def is_path(rest: str) -> bool:
    """Whether a model's name without its prefix is a path on this machine."""
    return _is_marked(rest) or rest.lower().endswith(".gguf")


def _is_marked(rest: str) -> bool:
    """Whether a name says at its beginning that it is a path."""
    return rest.startswith(_PATH_STARTS) or rest in (".", "..") or os.path.isabs(rest)


def _bad(message: str, *helps: str) -> ModelError:
    example = "models are named as in `mistralrs/Qwen/Qwen3-1.7B-GGUF`, `./model.gguf` or `tiny`"
    return ModelError("bad-model-name", message, helps=(*helps, example))
