"""What is right and what is wrong with this installation: what `spnl doctor` shows.

Each check is one function that looks at one thing and gives a `Finding`; a new one is a function in `CHECKS`.
What a check raises is a finding, too: that is what the user would meet. A token's value is never read into a
finding. Imports what it looks at, on use.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Literal

from spnl.config import config_path, read_config, settle
from spnl.errors import SpnlError
from spnl.frozen import Frozen
from spnl.models.files import size_of, with_home
from spnl.settings import Settings
from spnl.version import __version__

State = Literal["ok", "note", "broken"]

LITTLE_DISK = 5 * 1000**3
"""Free bytes below which a model of common size, some 5 GB, will not fit."""

LITTLE_MEMORY = 2 * 1000**3
"""Free bytes below which all but the smallest models make a machine swap."""


class Finding(Frozen):
    """What one check found: in words, what to do about it, and the same as data.

    `broken` is what stops models from running here; `note` is what may be meant so.
    """

    name: str
    state: State
    said: str
    advice: str = ""
    facts: Mapping[str, object] = {}


def examine(environ: Mapping[str, str], *, offline: bool = False, attempt: bool = False) -> Iterator[Finding]:
    """Every finding, in an order for people, each as it is found.

    `offline` asks no network; `attempt` loads the bundled model and asks it something.
    """
    sound: set[str] = set()
    for name, check in CHECKS.items():
        if sound.issuperset(_NEEDS.get(name, ())):
            finding = _found(name, partial(check, environ))
            sound |= {name} if finding.state != "broken" else set()
            yield finding
    if offline or _is_offline(environ):
        yield Finding("hub", "ok", "not asked: spnl is offline", facts={"asked": False})
    else:
        yield _found("hub", partial(_hub, environ))
    if attempt and sound.issuperset(_NEEDS["try"]):
        yield _found("try", partial(_attempt, environ))


def _found(name: str, check: Callable[[], Finding]) -> Finding:
    """What a check finds, also where it fails."""
    try:
        return check().but(name=name)
    except SpnlError as error:
        return Finding(name, "broken", error.message, "; ".join(error.helps), {"error": error.id})
    except OSError as error:
        return Finding(name, "broken", (error.strerror or str(error)).lower())


def _spnl(environ: Mapping[str, str]) -> Finding:
    python, system = platform.python_version(), f"{platform.system()} {platform.machine()}"
    facts = {"version": __version__, "python": python, "system": system}
    return Finding("", "ok", f"{__version__}, Python {python}, {system}", facts=facts)


def _engine(environ: Mapping[str, str]) -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    from spnl.backends.mistralrs.native import build, load_module

    try:
        settings = settle(environ)
    except SpnlError:  # which has a finding of its own
        settings = Settings()
    load_module(settings.but(verbose=False))
    try:
        number = version("mistralrs")
    except PackageNotFoundError:
        number = "of unknown version"
    kinds = {"cpu": "a build for the CPU", "cuda": "a build for CUDA", "metal": "a build for Metal"}
    return Finding(
        "", "ok", f"mistralrs {number}, {kinds[build()]}", facts={"version": number, "build": build()}
    )


def _configuration(environ: Mapping[str, str]) -> Finding:
    path = config_path(environ)
    config = read_config(environ)
    facts = {"path": path, "exists": config.path is not None}
    missing = [folder for folder in config.folders if not os.path.isdir(folder)]
    if missing:
        advice = "make it, or take it out of `folders`"
        return Finding("", "note", f"{path} names a folder that is not there: {missing[0]}", advice, facts)
    keyless = [
        (name, server.key_env)
        for name, server in config.servers.items()
        if server.key_env and not environ.get(server.key_env)
    ]
    if keyless:
        name, variable = keyless[0]
        return Finding("", "note", f"the server `{name}` has no key", f"set {variable}", facts)
    there = "" if config.path is not None else " (not there: everything has its default)"
    return Finding("", "ok", f"{with_home(Path(path))}{there}", facts=facts)


def _settings(environ: Mapping[str, str]) -> Finding:
    settings, usual = settle(environ).as_dict(), Settings().as_dict()
    changed = {name: value for name, value in settings.items() if value != usual[name]}
    said = ", ".join(f"{name} {value}" for name, value in changed.items())
    return Finding("", "ok", said or "all as they come", facts=changed)


def _device(environ: Mapping[str, str]) -> Finding:
    from spnl.backends.mistralrs.native import CUDA_BUILDS, build, choose_device, has_gpu

    device = choose_device(settle(environ))
    facts = {"device": device}
    if device == "cpu" and build() == "cpu" and has_gpu() and platform.system() == "Linux":
        said = "cpu, though a GPU shows itself: this build of the engine has no use for it"
        return Finding("", "note", said, CUDA_BUILDS, facts)
    return Finding("", "ok", device, facts=facts)


def _models(environ: Mapping[str, str]) -> Finding:
    from spnl.models.cache import cache_folder, cached_repos, is_interrupted, repo_folder

    folder = cache_folder(environ)
    repos = cached_repos(folder)
    there = "repositories" if len(repos) != 1 else "repository"
    said = f"{with_home(folder)}, {len(repos)} {there}"
    interrupted = [repo for repo in repos if is_interrupted(repo_folder(folder, repo))]
    facts = {"path": str(folder), "repositories": len(repos), "interrupted": interrupted}
    place = _existing(folder)
    if not os.access(place, os.W_OK):
        return Finding("", "note", f"{said}; {place} cannot be written", "set HF_HOME to fetch models", facts)
    if interrupted:
        name = interrupted[0]
        advice = f"`spnl pull {name}` continues, `spnl rm {name}` removes it"
        return Finding("", "note", f"{said}; a download of {name} was interrupted", advice, facts)
    return Finding("", "ok", said, facts=facts)


def _folders(environ: Mapping[str, str]) -> Finding:
    from spnl.models.shelves import shelves

    there = [shelf.folder for shelf in shelves(environ) if shelf.folder.is_dir()]
    said = ", ".join(map(with_home, there)) or "none beside the cache"
    return Finding("", "ok", said, facts={"paths": [str(folder) for folder in there]})


def _replies(environ: Mapping[str, str]) -> Finding:
    from spnl.stores.cache import cache_path, contents

    path = cache_path()
    found = contents(path)
    facts = {"path": path, **found.as_dict()}
    return Finding(
        "", "ok", f"{with_home(Path(path))}, {found.replies} kept, {size_of(found.size)}", facts=facts
    )


def _token(environ: Mapping[str, str]) -> Finding:
    from spnl.models.token import token_source

    source = token_source(environ)
    said = "none: gated and private models need one" if source is None else f"there is one, in {source}"
    return Finding("", "ok", said, facts={"present": source is not None, "source": source})


def _disk(environ: Mapping[str, str]) -> Finding:
    import shutil

    from spnl.models.cache import cache_folder

    place = _existing(cache_folder(environ))
    free = shutil.disk_usage(place).free
    said, facts = f"{size_of(free)} free for models", {"path": str(place), "free": free}
    if free < LITTLE_DISK:
        advice = "`spnl list` shows what models take, `spnl rm` removes them; HF_HOME names another disk"
        return Finding("", "note", said, advice, facts)
    return Finding("", "ok", said, facts=facts)


def _memory(environ: Mapping[str, str]) -> Finding:
    from spnl.models.memory import memory_here

    memory = memory_here()
    said = f"{size_of(memory.available)} free of {size_of(memory.total)}, swap included"
    facts = memory.as_dict()
    if memory.available < LITTLE_MEMORY:
        return Finding("", "note", said, "end other programs, or use small models", facts)
    return Finding("", "ok", said, facts=facts)


CHECKS = {
    "spnl": _spnl,
    "engine": _engine,
    "configuration": _configuration,
    "settings": _settings,
    "device": _device,
    "models": _models,
    "folders": _folders,
    "replies": _replies,
    "token": _token,
    "disk": _disk,
    "memory": _memory,
}
"""What is looked at, in this order; the hub and the attempt come after, where they are wanted."""

_NEEDS = {
    "device": ("settings",),
    "settings": ("configuration",),
    "folders": ("configuration",),
    "try": ("engine", "device"),
}
"""What has to be in order for a check to say anything of its own; one fault is one finding."""


def _hub(environ: Mapping[str, str]) -> Finding:
    from spnl.models.greeting import greet

    greeting = greet(environ)
    facts = {"asked": True, "address": greeting.address, "reached": greeting.reached}
    if greeting.reached and not greeting.trouble:
        return Finding("", "ok", f"{greeting.address} answers", facts=facts)
    if greeting.reached:
        return Finding("", "broken", greeting.trouble, greeting.advice, facts)
    said = f"{greeting.address}: {greeting.trouble}"
    return Finding("", "note", said, "models that are here run without it; fetching needs it", facts)


def _attempt(environ: Mapping[str, str]) -> Finding:
    from spnl.trial import attempt

    trial = attempt(settle(environ).device)
    said = (
        f"tiny loaded in {trial.load_seconds:.2f} s, began after {trial.first_seconds:.2f} s, "
        f"{trial.tokens_a_second:.0f} tokens a second"
    )
    return Finding("", "ok", said, facts=trial.as_dict())


def _is_offline(environ: Mapping[str, str]) -> bool:
    from spnl.models.obtaining import is_offline

    return is_offline(environ)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one around it that is there."""
    return next(place for place in (folder, *folder.parents) if os.path.isdir(place))
