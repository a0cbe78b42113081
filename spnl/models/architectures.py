"""Which architectures the engine runs, and the refusal of those that it does not, before anything is loaded.

The lists are of mistralrs 0.9.5: each name was put into a small model's header or config.json, and is here if
the engine did not call it unknown. `tests/engine/test_architectures.py` does that again.
"""

from __future__ import annotations

from spnl.errors import ModelError, nearest
from spnl.models.files import read_json
from spnl.models.gguf import read_summary
from spnl.models.local import BUNDLED_FILE, LocalModel

GGUF = frozenset((
    "llama", "mistral3", "gemma", "gemma2", "gemma3", "phi2", "phi3", "phimoe", "qwen2", "qwen3", "qwen3moe",
    "qwen3next", "qwen35", "qwen35moe", "starcoder2", "deepseek2", "glm4", "glm4moe", "smollm3", "granite",
    "granitemoe", "granitehybrid", "gpt-oss", "hunyuan-dense", "hunyuan-moe", "lfm2", "lfm2moe",
))  # fmt: skip
"""`general.architecture` of a GGUF file."""

GGUF_WITH_IMAGES = frozenset((
    "gemma3n", "gemma4", "qwen2vl", "qwen3vl", "qwen3vlmoe", "llama4", "muse-glimmer",
))  # fmt: skip
"""Those that it runs with the encoder of images beside them only, which spnl does not load."""

FOLDERS = frozenset((
    "LlamaForCausalLM", "MistralForCausalLM", "MixtralForCausalLM", "PhiForCausalLM", "Phi3ForCausalLM",
    "PhiMoEForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM", "Qwen3MoeForCausalLM",
    "Qwen3NextForCausalLM", "Qwen3_5ForCausalLM", "GemmaForCausalLM", "Gemma2ForCausalLM",
    "Starcoder2ForCausalLM", "DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM", "Glm4ForCausalLM",
    "Glm4MoeForCausalLM", "Glm4MoeLiteForCausalLM", "SmolLM3ForCausalLM", "GraniteMoeHybridForCausalLM",
    "GptOssForCausalLM", "HunYuanDenseV1ForCausalLM", "HunYuanMoEV1ForCausalLM", "Lfm2ForCausalLM",
    "Lfm2MoeForCausalLM",
))  # fmt: skip
"""`architectures` of a config.json, for models of text."""

_GPU_ONLY = ("gptq", "awq")
"""How weights can be quantised that the engine has code for on GPUs only."""


def refuse_unsupported(model: LocalModel, device: str) -> None:
    """Refuse a model that the engine cannot run on a device: `ModelError` `unsupported-model`.

    A file whose header cannot be read passes here: what reads it next says why.
    """
    error = None
    if model.kind == "gguf" and model.path != BUNDLED_FILE:
        error = _refuse_gguf(model, read_summary(model.path).architecture)
    elif model.kind == "folder":
        error = _refuse_folder(model, device)
    if error is not None:
        raise error


def _refuse_gguf(model: LocalModel, named: str) -> ModelError | None:
    """The error for a GGUF file whose architecture the engine does not run; None where it runs it."""
    if named in GGUF or not named:
        return None
    if named in GGUF_WITH_IMAGES:
        return ModelError(
            "unsupported-model",
            f"{model.name} is a model of images and text ({named}), of which spnl runs none yet",
            helps=("use a model of text of the same family",),
        )
    return _unknown(model, named, GGUF)


def _refuse_folder(model: LocalModel, device: str) -> ModelError | None:
    """The error for a folder that the engine does not run on a device; None where it runs it."""
    config = read_json(model.path / "config.json")
    quantised = config.get("quantization_config")
    method = str(quantised.get("quant_method", "")).lower() if isinstance(quantised, dict) else ""
    if method in _GPU_ONLY and device == "cpu":
        return ModelError(
            "unsupported-model",
            f"{model.name} is quantised with {method.upper()}, which the engine runs on GPUs only",
            helps=("use a GGUF file of the same model, as Q4_K_M", "or the original, with --isq Q4K"),
        )
    named = config.get("architectures")
    first = named[0] if isinstance(named, list) and named and isinstance(named[0], str) else None
    return _unknown(model, first, FOLDERS) if first is not None and first not in FOLDERS else None


def _unknown(model: LocalModel, named: str, known: frozenset[str]) -> ModelError:
    near = nearest(named, sorted(known))
    helps = (f"the nearest that it knows is {near}",) if near else ()
    return ModelError(
        "unsupported-model",
        f"the engine does not know the architecture of {model.name}, {named[:60]}",
        helps=(*helps, "Llama, Mistral, Qwen, Phi, Gemma and Granite are among the families it runs"),
    )
