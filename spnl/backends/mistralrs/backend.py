"""Loads models of this machine into the `mistralrs` engine."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from spnl.backends.base import Batching
from spnl.backends.mistralrs.engine import MistralrsEngine
from spnl.backends.mistralrs.failures import is_engine_failure, load_failure
from spnl.backends.mistralrs.loading import ADAPTER, Load
from spnl.backends.mistralrs.native import choose_device, has_gpu, load_module
from spnl.backends.table import Notify
from spnl.errors import ModelError
from spnl.models.architectures import refuse_unsupported
from spnl.models.chat import ChatTemplate, read_template, template_of_folder, template_of_gguf
from spnl.models.files import size_of, with_home
from spnl.models.gguf import read_header
from spnl.models.local import BUNDLED_FILE, LocalModel
from spnl.models.locating import locate, locate_adapter, locate_folder
from spnl.models.memory import needed_by
from spnl.models.names import BUNDLED, split_adapter, with_adapter
from spnl.settings import Settings

if TYPE_CHECKING:
    from types import ModuleType

    from mistralrs import Runner

# A template that makes of one message the message itself. The engine streams chat requests only, and
# refuses those to a model without a template; with this one, a chat request is a completion.
_COMPLETION_TEMPLATE = Path(__file__).with_name("completion.jinja")

_QUICK_LOAD = 64 * 1024 * 1024
_PARALLEL = {"cpu": 4, "cuda": 16, "metal": 16}
"""How many streams at once a device is worth: measured on CPUs (docs/performance.md), not on the others."""


class MistralrsBackend:
    """Models that run in this process. `notify` is told of settings that have no effect here."""

    # The engine draws from one sequence that begins alike with every runner, and none of its requests has a
    # seed. `Runner(seed=…)` is the device's, which takes no part in drawing; on a CPU it is refused (0.9.5).
    takes_seed = False

    def __init__(self, notify: Notify, settings: Settings) -> None:
        self._notify = notify
        self._settings = settings

    def key(self, model: str) -> str:
        """The absolute path of a model, however it is named; the bundled one keeps its name."""
        rest, adapter = split_adapter(model)
        path = locate(rest).path
        name = BUNDLED if path == BUNDLED_FILE else str(path.resolve())
        return name if adapter is None else with_adapter(name, str(locate_adapter(adapter).resolve()))

    def describe(self, model: str, fully: bool) -> str | None:
        """The model's name and size, if it is so large that loading it takes a while."""
        rest, adapter = split_adapter(model)
        found = locate(rest)
        with_it = f" with the adapter {adapter}" if adapter is not None else ""
        said = f"{found.name} ({size_of(found.size)}){with_it}"
        if fully:
            chosen = f", {found.why}" if found.why else ""
            return f"{said}: {with_home(found.path)}{chosen}"
        return said if found.size > _QUICK_LOAD else None

    def memory(self, model: str) -> int:
        """What the weights take, in bytes."""
        return needed_by(locate(split_adapter(model)[0]), self._settings.isq is not None)

    def identity(self, model: str) -> str:
        """The digest of the model's files, and of what changes what it says while it loads."""
        from spnl.models.digests import digest_of_file, digest_of_folder, digest_of_model

        rest, adapter = split_adapter(model)
        found = locate(rest)
        settings = self._settings
        named = (settings.chat_template, settings.tokenizer, settings.topology, settings.xlora_order)
        folders = [locate_adapter(adapter)] if adapter is not None else []
        folders += [locate_folder(settings.xlora)] if settings.xlora is not None else []
        try:
            parts = [digest_of_model(found, self._notify)]
            parts += [digest_of_folder(folder, self._notify) for folder in folders]
            parts += [digest_of_file(Path(file), self._notify) if file else "" for file in named]
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise ModelError("damaged-model", f"{found.name} cannot be read: {reason}") from None
        parts.append(settings.isq or "" if found.kind == "folder" else "")
        parts.append(settings.dtype if settings.dtype != "auto" else "")
        return " ".join(parts[:1] if not any(parts[1:]) else parts)

    def load(self, model: str) -> MistralrsEngine:
        """Load a model. Raises `ModelError`, and `UsageError` for settings.

        Building the runner holds Python's global lock from start to end, and cannot be interrupted.
        """
        rest, adapter = split_adapter(model)
        found = locate(rest)
        device = choose_device(self._settings)
        refuse_unsupported(found, device)
        template = self._template(found)
        if self._settings.device == "cuda" and not has_gpu():
            self._notify("the device is to be cuda, but no GPU shows itself: the engine may use the CPU")
        mistralrs = load_module(self._settings)
        load = Load(found, self._settings, device, self._notify)
        load.warn()
        options = load.options(mistralrs)
        if template is None:
            options["jinja_explicit"] = str(_COMPLETION_TEMPLATE)
        which = load.which(mistralrs, adapter)
        build = partial(_build, mistralrs, which, options, found)
        started = perf_counter()
        runner = build()
        built_in = perf_counter() - started
        return MistralrsEngine(
            runner,
            found,
            template,
            min(_PARALLEL[device], self._settings.max_seqs),
            has_isq=options.get("in_situ_quant") is not None,
            adapter=ADAPTER if adapter is not None else None,
            batching=_batching(self._settings, device),
            rebuild=build if device == "cpu" and self._settings.prefix_cache else None,
            built_in=built_in,
        )

    def _template(self, model: LocalModel) -> ChatTemplate | None:
        """The chat template to use: the one that the settings name, else the model's own."""
        template = _template(model)
        path = self._settings.chat_template
        if path is None:
            return template
        text = read_template(Path(path))
        return template.but(text=text) if template is not None else ChatTemplate(text)


def _build(mistralrs: ModuleType, which: Any, options: dict[str, Any], model: LocalModel) -> Runner:
    """A runner of the model, in memory and ready."""
    try:
        runner: Runner = mistralrs.Runner(which, **options)
    except BaseException as error:
        if not is_engine_failure(error):
            raise
        raise load_failure(error, model) from None
    return runner


def _batching(settings: Settings, device: str) -> Batching:
    """What the engine makes of several streams: on a CPU it decodes those of equal length together only."""
    return Batching(
        streams=settings.max_seqs, prefills=1, equal_only=device == "cpu", lending=settings.prefix_cache
    )


def _template(model: LocalModel) -> ChatTemplate | None:
    """The model's chat template, once what can be known to be damaged has been refused."""
    if model.kind == "folder":
        return template_of_folder(model.path)
    if model.kind == "ggml":
        return None
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
