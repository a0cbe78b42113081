"""Loads models of this machine into the `mistralrs` engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spnl.backends.mistralrs.engine import MistralrsEngine
from spnl.backends.mistralrs.failures import is_engine_failure, load_failure
from spnl.backends.mistralrs.native import choose_device, has_gpu, load_module
from spnl.backends.table import Notify
from spnl.config import read_config
from spnl.errors import ModelError
from spnl.models.chat import ChatTemplate, template_of_folder, template_of_gguf
from spnl.models.files import size_of
from spnl.models.gguf import read_header
from spnl.models.local import BUNDLED_FILE, LocalModel
from spnl.models.locating import locate
from spnl.models.names import BUNDLED
from spnl.settings import Settings, read_settings

if TYPE_CHECKING:
    from types import ModuleType

# A template that makes of one message the message itself. The engine streams chat requests only, and
# refuses those to a model without a template; with this one, a chat request is a completion.
_COMPLETION_TEMPLATE = Path(__file__).with_name("completion.jinja")

_QUICK_LOAD = 64 * 1024 * 1024
_STREAMS = {"cpu": 1, "cuda": 16, "metal": 16}
"""How many streams at once a device is worth: on a CPU several are no faster than one after another."""


class MistralrsBackend:
    """Models that run in this process. `notify` is told of settings that have no effect here."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify

    def key(self, model: str) -> str:
        """The absolute path of a model, however it is named; the bundled one keeps its name."""
        path = locate(model).path
        return BUNDLED if path == BUNDLED_FILE else str(path.resolve())

    def describe(self, model: str) -> str | None:
        """The model's name and size, if it is so large that loading it takes a while."""
        found = locate(model)
        return f"{found.name} ({size_of(found.size)})" if found.size > _QUICK_LOAD else None

    def identity(self, model: str) -> str:
        """The digest of the model's files, and how its weights are quantised while they load."""
        from spnl.models.digests import digest_of_model

        settings = read_settings(os.environ, read_config(os.environ).mistralrs)
        found = locate(model)
        try:
            digest = digest_of_model(found, self._notify)
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise ModelError("damaged-model", f"{found.name} cannot be read: {reason}") from None
        isq = settings.isq if found.kind == "folder" else None
        return f"{digest} isq {isq}" if isq is not None else digest

    def load(self, model: str) -> MistralrsEngine:
        """Load a model, as the environment's settings say. Raises `ModelError`, and `UsageError` for those.

        Building the runner holds Python's global lock from start to end, and cannot be interrupted.
        """
        settings = read_settings(os.environ, read_config(os.environ).mistralrs)
        found = locate(model)
        template = _template(found)
        device = choose_device(settings)
        options = self._options(settings, found, device)
        if template is None:
            options["jinja_explicit"] = str(_COMPLETION_TEMPLATE)
        mistralrs = load_module(settings)
        try:
            runner = mistralrs.Runner(_which(mistralrs, found), **options)
        except BaseException as error:
            if not is_engine_failure(error):
                raise
            raise load_failure(error, found) from None
        has_isq = options.get("in_situ_quant") is not None
        return MistralrsEngine(runner, found, template, _STREAMS[device], has_isq)

    def _options(self, settings: Settings, model: LocalModel, device: str) -> dict[str, Any]:
        """What the settings come to as arguments of `Runner`."""
        options: dict[str, Any] = {
            "token_source": "none",  # of the Hugging Face hub, which is not asked for anything
            "prefix_cache_n": settings.prefix_cache,
            "pa_blk_size": settings.block_size,
        }
        if settings.device == "cuda" and not has_gpu():
            self._notify("MISTRALRS_DEVICE is cuda, but no GPU shows itself: the engine may use the CPU")
        if settings.isq is not None and model.kind == "gguf":
            self._notify(f"MISTRALRS_ISQ has no effect on {model.name}: GGUF files are quantised already")
        else:
            options["in_situ_quant"] = settings.isq
        if settings.paged_attention and device == "cpu":
            self._notify("MISTRALRS_PAGED_ATTN has no effect: paged attention needs CUDA or Metal")
        elif settings.paged_attention is not None:
            options["paged_attn" if settings.paged_attention else "no_paged_attn"] = True
        return options


def _template(model: LocalModel) -> ChatTemplate | None:
    """The model's chat template, once what can be known to be damaged has been refused."""
    if model.kind == "folder":
        return template_of_folder(model.path)
    headers = [read_header(file) for file in model.files]
    for header in headers:
        if header.missing_bytes:
            whole = header.size + header.missing_bytes
            raise ModelError(
                "damaged-model",
                f"{header.path} is cut off: "
                f"{size_of(header.missing_bytes)} of its {size_of(whole)} are missing",
                helps=("fetch or copy the file again",),
            )
    return template_of_gguf(headers[0])


def _which(mistralrs: ModuleType, model: LocalModel) -> Any:
    if model.kind == "folder":
        return mistralrs.Which.Plain(str(model.path))
    return mistralrs.Which.GGUF(str(model.path.parent), [file.name for file in model.files])
