"""Reads the configuration file: which keys there are, what each takes, and where one that is wrong stands.

Imported where there is a file. Imports errors, settings and sources.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from spnl.errors import UsageError, did_you_mean
from spnl.frozen import Frozen
from spnl.settings import VARIABLES, Variable
from spnl.source import Source, Span

MOST_PARALLEL = 1024
SERVER_KINDS = ("openai", "ollama", "gemini", "completions")
"""What a server can speak."""

_PREFIXES = ("openai", "ollama", "gemini", "mistralrs", "local")
"""What a server cannot be named: names of models that begin so have a meaning already."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")
_PART = r"""(?:"[^"\n]*"|'[^'\n]*'|[\w-]+)"""
_PATH = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_WRITTEN = re.compile(rf"^[ \t]*(?:\[[ \t]*(?P<table>{_PATH})[ \t]*\]|(?P<key>{_PATH})[ \t]*=)", re.MULTILINE)


class Entry(Frozen):
    """A value in the file: the keys that lead to it, and the file for where it stands."""

    source: Source
    keys: tuple[str, ...]
    value: Any

    @property
    def name(self) -> str:
        """Its name in messages."""
        return ".".join(self.keys)

    def entries(self) -> Iterator[Entry]:
        """What is in a table."""
        if not isinstance(self.value, dict):
            raise self.wrong("a table")
        for key, value in self.value.items():
            yield Entry(self.source, (*self.keys, key), value)

    def wrong(self, accepts: str, helps: tuple[str, ...] = ()) -> UsageError:
        """The error of a value that is not what its key takes."""
        return self.error(f"`{self.name}` is {_shown(self.value)}, which is not {accepts}", helps)

    def error(self, message: str, helps: tuple[str, ...] = ()) -> UsageError:
        """An error at this place."""
        return UsageError("bad-config", message, span=place_of(self.source, self.keys), helps=helps)


Read = Callable[[Entry], Any]


def values_in(path: str, data: bytes) -> dict[str, Any]:
    """The values of a file by their keys. Raises `UsageError` `bad-config`."""
    import tomllib

    source = Source(path, data.decode("utf-8", "replace"))
    try:
        tree = tomllib.loads(source.text)
    except RecursionError:
        raise UsageError("bad-config", f"{path} is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise _unreadable(source, str(error)) from None
    return _record(Entry(source, (), tree), _KEYS)


def _record(entry: Entry, keys: Mapping[str, Read]) -> dict[str, Any]:
    """The values of a table whose keys are known."""
    values = {}
    for inner in entry.entries():
        key = inner.keys[-1]
        if key not in keys:
            helps = did_you_mean(key, keys) or (f"there are: {', '.join(keys)}",)
            raise inner.error(f"there is no setting `{inner.name}`", helps)
        values[key] = keys[key](inner)
    return values


def _named(entry: Entry) -> Iterator[tuple[str, Entry]]:
    """The entries of a table whose keys are names of the user's own."""
    for inner in entry.entries():
        name = inner.keys[-1]
        if not _NAME.fullmatch(name):
            raise inner.error(f"`{name}` cannot be a name: names have letters, digits and `_ - . :`")
        yield name, inner


def _text(entry: Entry) -> str:
    if not isinstance(entry.value, str) or not entry.value.strip():
        raise entry.wrong("a text")
    return entry.value.strip()


def _parallel(entry: Entry) -> int:
    if type(entry.value) is not int or not 1 <= entry.value <= MOST_PARALLEL:
        raise entry.wrong(f"a whole number from 1 to {MOST_PARALLEL}")
    return entry.value


def _folders(entry: Entry) -> tuple[str, ...]:
    """Folders; a relative one is relative to the folder of the file."""
    if not isinstance(entry.value, list) or not all(isinstance(item, str) for item in entry.value):
        raise entry.wrong("a list of texts")
    return tuple(_beside(entry.source, folder) for folder in entry.value)


def _beside(source: Source, path: str) -> str:
    """A path as it is meant in the file."""
    return os.path.join(os.path.dirname(os.path.abspath(source.name)), os.path.expanduser(path))


def _aliases(entry: Entry) -> dict[str, str]:
    return {name: _text(inner) for name, inner in _named(entry)}


def _servers(entry: Entry) -> dict[str, dict[str, str]]:
    servers = {}
    for name, inner in _named(entry):
        if name in _PREFIXES:
            raise inner.error(f"`{name}` cannot be a server's name: models of that prefix are elsewhere")
        values = _record(inner, {"url": _url, "key_env": _text, "kind": _kind})
        if "url" not in values:
            raise inner.error(f"the server `{name}` has no `url`")
        servers[name] = values
    return servers


def _url(entry: Entry) -> str:
    text = _text(entry)
    if not re.match(r"https?://[^/\s]", text):
        raise entry.wrong("an address that begins with http:// or https://")
    return text.rstrip("/")


def _kind(entry: Entry) -> str:
    if entry.value not in SERVER_KINDS:
        accepts = " or ".join(f"`{kind}`" for kind in SERVER_KINDS)
        raise entry.wrong(accepts, did_you_mean(str(entry.value), SERVER_KINDS))
    return str(entry.value)


def _settings(entry: Entry) -> dict[str, Any]:
    """The engine's settings by their fields. Each takes what its environment variable takes."""
    values = _record(entry, {variable.key: _setting(variable) for variable in VARIABLES})
    return {variable.field: values[variable.key] for variable in VARIABLES if variable.key in values}


def _setting(variable: Variable) -> Read:
    def read(entry: Entry) -> Any:
        value = entry.value
        if not isinstance(value, str | bool | int | float):
            raise entry.wrong(variable.accepts)
        text = str(value).lower() if isinstance(value, bool) else str(value).strip()
        try:
            return variable.read(_beside(entry.source, text) if variable.is_path else text)
        except (LookupError, ValueError):
            raise entry.wrong(variable.accepts, variable.nearest(str(value))) from None

    return read


_KEYS: dict[str, Read] = {
    "model": _text,
    "parallel": _parallel,
    "folders": _folders,
    "aliases": _aliases,
    "mistralrs": _settings,
    "servers": _servers,
}
"""Every key at the top of the file; a new one is a row here and a field of `Config`."""


def _unreadable(source: Source, said: str) -> UsageError:
    """The error of a file that is no TOML: tomllib ends its message with the place."""
    at = re.search(r" \((?:at line (\d+), column (\d+)|at end of document)\)$", said)
    reason = said[: at.start()] if at else said
    start = len(source.text)
    if at and at[1]:
        lines = source.text.split("\n")
        start = sum(len(line) + 1 for line in lines[: int(at[1]) - 1]) + int(at[2]) - 1
    start = max(0, min(start, len(source.text.rstrip()) - 1))
    message = f"the configuration cannot be read: {reason[:1].lower()}{reason[1:]}"
    return UsageError("bad-config", message, span=Span(source, start, min(start + 1, len(source.text))))


def place_of(source: Source, keys: tuple[str, ...]) -> Span | None:
    """Where a key is written; that of the table around it where the key itself is not found."""
    found: dict[tuple[str, ...], Span] = {}
    table: tuple[str, ...] = ()
    for match in _WRITTEN.finditer(source.text):
        kind = "table" if match["table"] else "key"
        parts = tuple(part.strip("\"'") for part in re.findall(_PART, match[kind]))
        here = parts if kind == "table" else (*table, *parts)
        table = parts if kind == "table" else table
        found.setdefault(here, Span(source, *match.span(kind)))
    return next((found[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in found), None)


def _shown(value: Any) -> str:
    """A value, short enough for a message."""
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    text = repr(value) if isinstance(value, str) else str(value).lower()
    return text if len(text) <= 40 else f"{text[:40]}…"
