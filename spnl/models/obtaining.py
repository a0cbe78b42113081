"""Has the files of a model on this machine: what is here is used as it is, the rest is fetched.

Only where something is missing is anything imported that could open a connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from spnl.errors import ModelError
from spnl.frozen import Frozen
from spnl.models.local import NotHere
from spnl.models.locating import locate, locate_adapter
from spnl.models.names import parse_hub, split_adapter
from spnl.models.progress import Progress


def obtain(rest: str, environ: Mapping[str, str], progress: Progress, *, offline: bool = False) -> None:
    """Have the files of a model's name without its prefix, and those of its adapter, fetched if not here."""
    for part in _parts(rest):
        try:
            part.locate()
        except NotHere as missing:
            if offline or is_offline(environ):
                raise _offline(missing, rest) from None
            from spnl.models.fetching import fetch

            fetch(missing.hub, environ, progress, near=missing.near, adapter=part.is_adapter)
            part.locate()


def pull(rest: str, environ: Mapping[str, str], progress: Progress) -> tuple[Path, ...]:
    """Have the files of a model's name without its prefix, and of its adapter, as they are at the hub now.

    What is here is compared with what the hub lists, and fetched again where it differs. What is no hub's is
    left alone. Gives where they are.
    """
    return tuple([_pull(part, rest, environ, progress) for part in _parts(rest)])


def paths_of(rest: str) -> tuple[Path, ...]:
    """Where the files of a model's name without its prefix are, and those of its adapter. `ModelError`."""
    return tuple([part.locate() for part in _parts(rest)])


class _Part(Frozen):
    """What a name asks for: a model, or the adapter that goes with it."""

    name: str
    is_adapter: bool = False

    def locate(self) -> Path:
        """Where it is on this machine. Raises `ModelError`."""
        return locate_adapter(self.name) if self.is_adapter else locate(self.name).path


def _parts(rest: str) -> tuple[_Part, ...]:
    model, adapter = split_adapter(rest)
    return (_Part(model),) if adapter is None else (_Part(model), _Part(adapter, is_adapter=True))


def _pull(part: _Part, rest: str, environ: Mapping[str, str], progress: Progress) -> Path:
    from spnl.models.cache import cache_folder

    hub = parse_hub(part.name)
    near: tuple[str, ...] = ()
    try:
        found = part.locate()
    except NotHere as missing:
        if is_offline(environ):
            raise _offline(missing, rest) from None
        hub, near = missing.hub, missing.near
    except ModelError as error:
        if hub is None or error.id != "damaged-model" or is_offline(environ):
            raise
    else:
        if hub is None or is_offline(environ) or not found.is_relative_to(cache_folder(environ)):
            return found
    from spnl.models.fetching import fetch

    fetch(hub, environ, progress, near=near, verify=True, adapter=part.is_adapter)
    return part.locate()


def is_offline(environ: Mapping[str, str]) -> bool:
    """Whether the environment forbids the network, as `huggingface_hub` reads it."""
    said = environ.get("HF_HUB_OFFLINE") or environ.get("TRANSFORMERS_OFFLINE") or ""
    return said.upper() in ("1", "ON", "YES", "TRUE")


def _offline(missing: NotHere, rest: str) -> ModelError:
    return ModelError(
        "offline",
        f"{missing.message}, and the hub is not asked: spnl is offline",
        notes=missing.notes,
        helps=(*missing.near, f"`spnl pull {rest}` fetches it, without --offline and HF_HUB_OFFLINE"),
    )
