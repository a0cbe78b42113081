"""The backends of servers: `openai/`, `ollama/`, `gemini/`, and those that the configuration names."""

from __future__ import annotations

import os
from collections.abc import Callable

from spnl.backends.servers.address import Address, address_of_provider, address_of_server
from spnl.backends.servers.completions import CompletionsEngine
from spnl.backends.servers.dialect import DIALECTS
from spnl.backends.servers.engine import ServerEngine
from spnl.backends.table import Notify
from spnl.config import Server
from spnl.errors import ModelError
from spnl.settings import Settings


class ServerBackend:
    """Models of one server, of one kind. `notify` is told that a key goes unencrypted over a network.

    `address` tells where the server is, and raises `UsageError` where the settings for that make no sense.
    """

    def __init__(self, kind: str, address: Callable[[], Address], notify: Notify) -> None:
        self._kind = kind
        self._address = address
        self._notify = notify
        self.takes_seed = "seed" not in DIALECTS[kind].lacks

    def key(self, model: str) -> str:
        """The model's name: what it means is the server's to say."""
        return model

    def memory(self, model: str) -> int:
        """None of this machine's."""
        return 0

    def identity(self, model: str) -> str:
        """The server's address, and the model's name there. Raises `UsageError`."""
        return f"{self._address().url} {model}"

    def describe(self, model: str, fully: bool) -> str | None:
        """Nothing is loaded here."""
        return None

    def load(self, model: str) -> ServerEngine:
        """The engine for a model of the server, which is not asked yet. Raises `UsageError`, `ModelError`."""
        address = self._address()
        if address.key is None and address.key_variable and _wants_key(address):
            raise ModelError(
                "no-key",
                f"the models of {address.url} want a key, and {address.key_variable} is not set",
                helps=(
                    f"set {address.key_variable} to your key",
                    f"or set {address.setting} to another server's address",
                ),
            )
        if address.key is not None and not address.is_encrypted and not address.is_loopback:
            self._notify(f"the key in {address.key_variable} goes unencrypted to {address.url}")
        dialect = DIALECTS[self._kind]
        return (CompletionsEngine if dialect.is_completions else ServerEngine)(self._address, model, dialect)


def _wants_key(address: Address) -> bool:
    """Whether a server is known to take nobody without a key."""
    return address.url.startswith(("https://api.openai.com/", "https://generativelanguage.googleapis.com/"))


def openai(notify: Notify, settings: Settings) -> ServerBackend:
    """Any server that speaks OpenAI's API; OpenAI's own where nothing else is said."""
    return _provided("openai", notify)


def ollama(notify: Notify, settings: Settings) -> ServerBackend:
    """An Ollama server, on this machine where nothing else is said."""
    return _provided("ollama", notify)


def gemini(notify: Notify, settings: Settings) -> ServerBackend:
    """Google's Gemini, through its OpenAI-compatible API."""
    return _provided("gemini", notify)


def named(name: str, server: Server, notify: Notify) -> ServerBackend:
    """A server of the configuration."""

    def address() -> Address:
        return address_of_server(server.url, server.key_env, name, server.kind, os.environ)

    return ServerBackend(server.kind, address, notify)


def _provided(kind: str, notify: Notify) -> ServerBackend:
    return ServerBackend(kind, lambda: address_of_provider(kind, os.environ), notify)
