"""The user's configuration: one TOML file, which the user writes and nothing else does.

    model = "Qwen/Qwen3-1.7B-GGUF"            the model of programs that name none
    parallel = 4                              how many generations at once
    folders = ["~/Models"]                    where models are looked for beside Hugging Face's cache

    [aliases]                                 names of one's own for models
    fast = "Qwen/Qwen3-0.6B-GGUF:Q8_0"

    [mistralrs]                               the engine's settings: MISTRALRS_ISQ is `isq` here
    isq = "Q4K"

    [servers.gpu]                             makes `gpu/MODEL` a model of that server
    url = "http://gpu.local:8000/v1"
    key_env = "GPU_KEY"                       the environment variable that holds the key

A flag, a clause and an environment variable stand above it. It is looked for at every run, so this imports
errors, frozen records and settings only; what reads it (`config_file`) is imported where there is a file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from spnl.errors import UsageError
from spnl.frozen import Frozen
from spnl.settings import Settings, read_settings

MAX_BYTES = 1024 * 1024
"""The largest configuration that is read: far above any that a person writes."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Server(Frozen):
    """A server of models: its address, the variable with its key if it needs one, and what it speaks.

    `kind` is one of `spnl.config_file.SERVER_KINDS`.
    """

    url: str
    key_env: str | None = None
    kind: str = "openai"


class Config(Frozen):
    """What the file says. `path` is that file, None where there is none.

    `folders` are absolute. `mistralrs` holds settings of the engine, by the names of the fields of
    `spnl.settings.Settings`.
    """

    path: str | None = None
    model: str | None = None
    parallel: int | None = None
    folders: tuple[str, ...] = ()
    aliases: Mapping[str, str] = _NOTHING
    mistralrs: Mapping[str, Any] = _NOTHING
    servers: Mapping[str, Server] = _NOTHING


def config_path(environ: Mapping[str, str]) -> str:
    """Where the file is, or would be: `SPNL_CONFIG`, else the platform's usual place.

    Where that follows the XDG specification it is worked out here: platformdirs takes 10 ms to import.
    """
    named = environ.get("SPNL_CONFIG")
    if named:
        return os.path.expanduser(named)
    if sys.platform in ("darwin", "win32"):
        from platformdirs import user_config_dir

        folder = user_config_dir("spnl", appauthor=False)
    else:
        base = environ.get("XDG_CONFIG_HOME", "").strip()
        folder = os.path.join(base or os.path.expanduser("~/.config"), "spnl")
    return os.path.join(folder, "config.toml")


def settle(environ: Mapping[str, str], flags: Mapping[str, str] | None = None) -> Settings:
    """The engine's settings that are in force: flags above the environment above the configuration.

    `flags` holds texts by the names of the variables that they stand above. Raises `UsageError`.
    """
    return read_settings(environ, read_config(environ).mistralrs, flags)


def read_config(environ: Mapping[str, str]) -> Config:
    """The user's configuration; empty where there is no file.

    A `UsageError` `bad-config` names the file, and the line of what makes no sense in it. A file that
    `SPNL_CONFIG` names has to be there.
    """
    path = config_path(environ)
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        if environ.get("SPNL_CONFIG"):
            raise UsageError("bad-config", f"SPNL_CONFIG names {path}, which is not there") from None
        return Config()
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or "it is no path").lower()
        raise UsageError("bad-config", f"the configuration {path} cannot be read: {reason}") from None
    if len(data) > MAX_BYTES:
        raise UsageError("bad-config", f"{path} is larger than a configuration can be")
    from spnl.config_file import values_in

    values = values_in(path, data)
    servers = {name: Server(**server) for name, server in values.pop("servers", {}).items()}
    return Config(path, **values, servers=servers)
