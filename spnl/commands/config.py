"""`spnl config`: each setting's value, and where it comes from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import click

from spnl.commands.showing import aligned, put
from spnl.config import Config, config_path, read_config
from spnl.executor.options import DEFAULT_MODEL
from spnl.frozen import Frozen
from spnl.settings import VARIABLES, read_settings

Origin = Literal["environment", "file", "default"]


class Value(Frozen):
    """A setting: its name in the file, its value as data, where that comes from, and its variable if any."""

    name: str
    value: Any
    origin: Origin
    variable: str | None = None


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(as_json: bool) -> None:
    """Show each setting, its value, and where that comes from.

    A flag stands above an environment variable, which stands above the configuration file. That is a TOML
    file which only you write; docs/models.md says what it may hold. No key of a server is ever shown.

    \b
    spnl config
    SPNL_CONFIG=./project.toml spnl config --json
    """
    path, config = config_path(os.environ), read_config(os.environ)
    values = list(values_of(os.environ, config))
    if as_json:
        import json

        found = {"path": path, "exists": config.path is not None, "values": [v.as_dict() for v in values]}
        put(json.dumps(found, ensure_ascii=False, indent=2))
        return
    rows = [("SETTING", "VALUE", "FROM"), *map(_row, values)]
    there = "" if config.path is not None else " (not there)"
    put("\n".join([f"file: {path}{there}", "", *aligned(rows)]))


def values_of(environ: Mapping[str, str], config: Config) -> Iterator[Value]:
    """Every setting, in the order of the file's documentation. Raises `UsageError`."""
    named = environ.get("SPNL_MODEL") or None
    origin: Origin = "environment" if named else "file" if config.model is not None else "default"
    yield Value("model", named or config.model or DEFAULT_MODEL, origin, "SPNL_MODEL")
    yield _of_file("parallel", config.parallel)
    yield _of_file("folders", list(config.folders))
    yield from (_of_file(f"aliases.{name}", model) for name, model in sorted(config.aliases.items()))
    settings = read_settings(environ, config.mistralrs)
    for variable in VARIABLES:
        origin = "file" if variable.field in config.mistralrs else "default"
        if environ.get(variable.name, "").strip():
            origin = "environment"
        value = settings.as_dict()[variable.field]
        yield Value(f"mistralrs.{variable.key}", value, origin, variable.name)
    for name, server in sorted(config.servers.items()):
        yield _of_file(f"servers.{name}", server.as_dict())


def _of_file(name: str, value: Any) -> Value:
    return Value(name, value, "file" if value not in (None, []) else "default")


def _row(value: Value) -> tuple[str, ...]:
    origin = f"{value.origin} ({value.variable})" if value.origin == "environment" else value.origin
    return (value.name, _shown(value.value), origin)


def _shown(value: Any) -> str:
    """A value for people; a dash where there is none."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {part}" for key, part in value.items() if part is not None)
    return "-" if value is None else str(value)
