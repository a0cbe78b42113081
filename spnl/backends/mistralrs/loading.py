"""What the settings of a load come to as arguments of the engine, and what of them has no effect here.

What a device or a model cannot do is a note and never a failure: the same settings serve several machines.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spnl.backends.table import Notify
from spnl.errors import UsageError
from spnl.models.files import read_json
from spnl.models.local import LocalModel
from spnl.models.locating import locate_adapter, locate_folder
from spnl.models.memory import check_memory
from spnl.settings import VARIABLES, Settings

if TYPE_CHECKING:
    from types import ModuleType

ADAPTER = "adapter"
"""What the engine calls the one adapter that a model is loaded with."""

_UNQUANTISED = ("F16", "BF16", "F32")
_LARGE = 1_000_000_000  # bytes: below this, weights of 16 bits are quick enough on a CPU
_PAGED_ONLY = ("paged_attention", "memory", "cache_type", "draft_model")


class Load:
    """One load: a model, where it runs, and the settings, some of which may come to nothing."""

    def __init__(self, model: LocalModel, settings: Settings, device: str, notify: Notify) -> None:
        self._model = model
        self._settings = settings
        self._device = device
        self._notify = notify

    def which(self, mistralrs: ModuleType, adapter: str | None) -> Any:
        """The model itself, in the engine's terms, with the folder of its adapter if it has one."""
        settings, path = self._settings, str(self._model.path)
        common: dict[str, Any] = {"topology": settings.topology}
        if settings.dtype != "auto":
            common["dtype"] = getattr(mistralrs.ModelDType, settings.dtype.upper())
        adapters = None
        if adapter is not None:
            adapters = [mistralrs.LoraAdapter(ADAPTER, str(locate_adapter(adapter)))]
        xlora = self._xlora()
        which = mistralrs.Which
        if self._model.kind == "folder":
            common["tokenizer_json"] = settings.tokenizer
            if xlora is not None:
                return which.XLora(**xlora, model_id=path, **common)
            if adapters is not None:
                return which.Lora(path, adapters, **common)
            return which.Plain(path, **common)
        folder, names = str(self._model.path.parent), [file.name for file in self._model.files]
        if self._model.kind == "ggml":
            return which.GGML(folder, names[0], self._tokenizer_folder(), **common)
        if xlora is not None:
            return which.XLoraGGUF(folder, names, **xlora, **common)
        common["tokenizer_json"] = settings.tokenizer
        if adapters is not None:
            common["adapters"] = adapters
        return which.GGUF(folder, names, **common)

    def options(self, mistralrs: ModuleType) -> dict[str, Any]:
        """What else the engine is given."""
        settings = self._settings
        options: dict[str, Any] = {
            "token_source": "none",  # of the Hugging Face hub, which is not asked for anything
            "prefix_cache_n": settings.prefix_cache,
            "max_seqs": settings.max_seqs,
            "pa_blk_size": settings.block_size,
        }
        if settings.isq is not None and self._model.kind != "folder":
            self._notify(f"isq has no effect on {self._model.name}: it is quantised already")
        else:
            options["in_situ_quant"] = settings.isq
        if settings.chat_template is not None:
            options["jinja_explicit"] = settings.chat_template
        options.update(self._without_paging() if self._device == "cpu" else self._with_paging(mistralrs))
        return options

    def warn(self) -> None:
        """Say what will be slow, or may not fit into memory. `ModelError` `out-of-memory` where it cannot."""
        if self._device == "cpu" and self._model.size > _LARGE:
            self._warn_of_slowness()
            check_memory(self._model, self._settings.isq is not None, self._notify)

    def _warn_of_slowness(self) -> None:
        from spnl.models.description import stored_as

        quantisation = stored_as(self._model)
        if quantisation not in _UNQUANTISED or (self._settings.isq and self._model.kind == "folder"):
            return
        remedy = "a file in Q4_K_M is several times faster"
        if self._model.kind == "folder":
            remedy = "--isq Q4K quantises them while they load"
        self._notify(
            f"the weights of {self._model.name} are {quantisation}, which is slow on a CPU: {remedy}"
        )

    def _without_paging(self) -> dict[str, Any]:
        """A CPU has no paged attention, so what needs it is left out, with one note."""
        dropped = [key for field, key in self._changed() if field in _PAGED_ONLY]
        if self._settings.paged_attention is False:
            dropped.remove("paged_attn")
        if dropped:
            verb = "have" if len(dropped) > 1 else "has"
            self._notify(f"{', '.join(dropped)} {verb} no effect: paged attention needs CUDA or Metal")
        return {"no_paged_attn": True} if self._settings.paged_attention is False else {}

    def _changed(self) -> Iterator[tuple[str, str]]:
        """The settings that are not the defaults: their fields and their keys."""
        ours, defaults = self._settings.as_dict(), Settings().as_dict()
        for variable in VARIABLES:
            if ours[variable.field] != defaults[variable.field]:
                yield variable.field, variable.key

    def _with_paging(self, mistralrs: ModuleType) -> dict[str, Any]:
        settings = self._settings
        options: dict[str, Any] = {}
        if settings.paged_attention is not None:
            options["paged_attn" if settings.paged_attention else "no_paged_attn"] = True
        if settings.memory is not None:
            options["memory_goal"] = settings.memory
        if settings.cache_type != "auto":
            types = getattr(mistralrs, "PagedCacheType", None)
            if types is None:
                self._notify("paged_attn_cache_type has no effect: this release of the engine cannot be told")
            else:
                options["pa_cache_type"] = types.F8E4M3
        return options | self._draft()

    def _draft(self) -> dict[str, Any]:
        """The assistant that proposes tokens. The engine gave ordinary draft models up."""
        settings = self._settings
        if settings.draft_model is None:
            if settings.draft_tokens is not None:
                self._notify("speculative_gamma has no effect without speculative_draft_model")
            return {}
        folder = locate_folder(settings.draft_model)
        named = " ".join(map(str, read_json(folder / "config.json").get("architectures") or ()))
        if "assistant" not in named.lower() and "dflash" not in named.lower():
            self._notify(
                f"{settings.draft_model} has no effect: it is an ordinary draft model, and the engine takes "
                "MTP assistants and DFlash drafts only"
            )
            return {}
        return {"mtp_model": str(folder), "mtp_n_predict": settings.draft_tokens}

    def _xlora(self) -> dict[str, str] | None:
        settings = self._settings
        if settings.xlora is None and settings.xlora_order is None:
            return None
        if settings.xlora is None or settings.xlora_order is None:
            raise UsageError(
                "bad-setting",
                "X-LoRA needs both `xlora` and `xlora_order`, and one of them is not set",
                helps=("set both, or neither",),
            )
        return {"xlora_model_id": str(locate_folder(settings.xlora)), "order": settings.xlora_order}

    def _tokenizer_folder(self) -> str:
        if self._settings.tokenizer is None:
            raise UsageError(
                "bad-setting",
                f"{self._model.name} is a GGML file, which comes without a tokenizer",
                helps=("name one with --tokenizer tokenizer.json", "or use a GGUF file of the same model"),
            )
        return str(Path(self._settings.tokenizer).parent)
