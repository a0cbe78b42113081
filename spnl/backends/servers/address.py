"""Where a server is and which key it is given: read from the environment and from the configuration.

A key is never part of an address, of an error or of what a record shows. Imports errors and frozen records.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from spnl.errors import UsageError
from spnl.frozen import Frozen, aside

_OLLAMA_PORT = 11434
_ANY_ADDRESS = ("0.0.0.0", "::")
_LOOPBACK = re.compile(r"localhost|127(\.\d{1,3}){3}|::1", re.IGNORECASE)
_KEY = re.compile(r"[\x21-\x7e]+")


class Address(Frozen):
    """A server: its base URL without a slash at the end, its key, and the names of the settings for both.

    `key_variable` is the environment variable that the key is read from, None where none is named.
    """

    url: str
    setting: str
    key_variable: str | None = None
    key: str | None = aside(default=None)

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine, so that no proxy is between."""
        return _LOOPBACK.fullmatch(urlsplit(self.url).hostname or "") is not None

    @property
    def is_encrypted(self) -> bool:
        """Whether what is sent is encrypted on its way."""
        return self.url.startswith("https:")


class Provider(Frozen):
    """A prefix whose address is in the environment: variables for it, the first set wins, and the default.

    `is_ollama`: an address may be less than a URL, as Ollama's own commands take it (`host`, `host:port`),
    and the API lies under `/v1`.
    """

    variables: tuple[str, ...]
    key_variable: str
    default: str
    is_ollama: bool = False


PROVIDERS = {
    "openai": Provider(("OPENAI_API_BASE", "OPENAI_BASE_URL"), "OPENAI_API_KEY", "https://api.openai.com/v1"),
    "gemini": Provider(
        ("GEMINI_API_BASE",),
        "GEMINI_API_KEY",
        "https://generativelanguage.googleapis.com/v1beta/openai",
    ),
    "ollama": Provider(
        ("OLLAMA_API_BASE", "OLLAMA_HOST"), "OLLAMA_API_KEY", f"http://127.0.0.1:{_OLLAMA_PORT}/v1", True
    ),
}
"""The prefixes that have variables of their own, as upstream and the makers' own clients name them."""


def address_of_provider(name: str, environ: Mapping[str, str]) -> Address:
    """The address of a prefix of `PROVIDERS`. A `UsageError` `bad-variable` says what makes no sense."""
    provider = PROVIDERS[name]
    given = [(name, text) for name in provider.variables if (text := environ.get(name, "").strip())]
    url, setting = provider.default, provider.variables[0]
    if given:
        setting, text = given[0]
        where = f"the environment variable {setting}"
        url = _ollama_url(text, where) if provider.is_ollama else checked_url(text, where)
        if not provider.is_ollama and any(checked_url(other, where) != url for _, other in given[1:]):
            names = " and ".join(name for name, _ in given)
            raise UsageError("bad-variable", f"{names} name different servers", helps=("unset one of them",))
    return Address(url, setting, provider.key_variable, key=read_key(provider.key_variable, environ))


def address_of_server(
    url: str, key_variable: str | None, name: str, kind: str, environ: Mapping[str, str]
) -> Address:
    """The address of a server of the configuration. Raises `UsageError`."""
    setting = f"`url` of [servers.{name}]"
    provider = PROVIDERS.get(kind)
    read = _ollama_url if provider is not None and provider.is_ollama else checked_url
    key = read_key(key_variable, environ) if key_variable else None
    return Address(read(url, setting, "bad-config"), setting, key_variable, key=key)


def read_key(variable: str, environ: Mapping[str, str]) -> str | None:
    """The key in a variable, None where it is not set. The error for one that makes no sense hides it."""
    key = environ.get(variable, "").strip()
    if key and not _KEY.fullmatch(key):
        message = f"the environment variable {variable} holds what cannot be a key: a space or a character"
        raise UsageError("bad-variable", f"{message} that is not ASCII")
    return key or None


def checked_url(text: str, where: str, id: str = "bad-variable") -> str:
    """A base URL without the slash at its end, once it is sure that it is one and holds no secret."""
    if re.search("[@?#]", text):
        # Not shown: what stands there is most likely a key.
        raise UsageError(
            id,
            f"{where} holds more than an address: a key has no place in a URL",
            helps=("put the key into a variable of its own", "a base URL ends with its path, as in …/v1"),
        )
    try:
        parts = urlsplit(text)
        is_address = bool(parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
    except ValueError:
        is_address = False
    if not is_address or re.search(r"\s", text):
        raise UsageError(
            id,
            f"{where} is {_shown(text)}, which is not the address of a server",
            helps=("give a URL, as in `http://127.0.0.1:8000/v1`",),
        )
    return text.rstrip("/")


def _ollama_url(text: str, where: str, id: str = "bad-variable") -> str:
    """A base URL from what Ollama's commands take: `host`, `host:port`, `:port`, an IPv6 address, a URL.

    The host that stands for all addresses of a machine, where a server listens, is this machine. Follows
    `envconfig.Host` of Ollama.
    """
    scheme, separator, rest = text.rpartition("://")
    authority, _, path = rest.partition("/")
    if authority.count(":") > 1 and not authority.startswith("["):
        authority = f"[{authority}]"
    host, _, port = authority.rpartition(":") if re.search(r":\w*$", authority) else (authority, "", "")
    if not separator:
        port = port or str(_OLLAMA_PORT)
    if host.strip("[]") in ("", *_ANY_ADDRESS):
        host = "127.0.0.1"
    url = checked_url(f"{scheme or 'http'}://{host}{port and ':'}{port}/{path}", where, id)
    return url if url.endswith("/v1") else f"{url}/v1"


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:80]}…")
