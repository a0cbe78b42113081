"""What a model's name stands for: the user's aliases, and short names such as `qwen3:0.6b`.

Both become the long name before it is taken apart (`names.parse_model`). Aliases are the user's own words, so
they stand above everything; a short name may have a quantisation after it, as `qwen3:0.6b:Q8_0`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from spnl.config import Config
from spnl.errors import ModelError
from spnl.models.names import BUNDLED, HERE, PREFIXES, ModelName, parse_model, split_adapter, with_adapter

_TABLE = Path(__file__).parent.parent / "data" / "short_names.toml"
_SHORT = r"(?i)(?P<name>[a-z0-9][a-z0-9.-]*:[a-z0-9.-]+)(?::(?P<quant>[\w.-]+))?"


def resolve_model(name: str, config: Config) -> ModelName:
    """Take a model's name apart, once aliases and short names are spelt out. Raises `ModelError`."""
    return parse_model(long_name(name, config.aliases), config.servers)


def long_name(name: str, aliases: Mapping[str, str]) -> str:
    """The name that an alias or a short name stands for; any other name as it is."""
    plain, adapter = split_adapter(name)
    seen: list[str] = []
    while plain in aliases:
        if plain in seen:
            raise ModelError(
                "bad-model-name",
                f"the alias `{seen[0]}` stands for itself: {' is '.join([*seen, plain])}",
                helps=("mend the aliases in the configuration: `spnl config` shows them",),
            )
        seen.append(plain)
        plain, inner = split_adapter(aliases[plain])
        if inner is not None:
            adapter = inner if adapter is None else adapter
    long = _spelt_out(plain)
    return long if adapter is None else with_adapter(long, adapter)


def _spelt_out(name: str) -> str:
    """The repository of a short name, with the quantisation that is asked for."""
    prefix, slash, rest = name.partition("/")
    short = rest if slash and PREFIXES.get(prefix) == HERE else name
    found = re.fullmatch(_SHORT, short) if ":" in short else None
    repo = short_names().get(found["name"].lower()) if found is not None else None
    if found is None or repo is None:
        return name
    return f"{repo}:{found['quant']}" if found["quant"] else repo


@cache
def short_names() -> dict[str, str]:
    """The table of short names, each with the repository that it stands for."""
    import tomllib

    table: dict[str, str] = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    return table


def all_short(aliases: Mapping[str, str]) -> list[str]:
    """Every name that is not a repository's: for completion, and for what was misspelt."""
    return [BUNDLED, *aliases, *short_names()]
