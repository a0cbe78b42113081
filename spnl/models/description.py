"""What a model is, as its header or its configuration says, without loading its weights.

Imports frozen records and the other modules of models.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

from spnl.errors import ModelError
from spnl.frozen import Frozen
from spnl.models.architectures import refuse_unsupported
from spnl.models.chat import template_of_folder, template_of_gguf
from spnl.models.files import read_json
from spnl.models.gguf import read_header
from spnl.models.local import LocalModel
from spnl.models.locating import locate
from spnl.models.probing import roles_of
from spnl.models.safetensors import read_tensors


class Description(Frozen):
    """What is known of a model. `parameters` are counted from the tensors' shapes; None is not known.

    `missing_bytes` is what the files lack at their ends.
    """

    model: LocalModel
    architecture: str | None
    parameters: int
    quantisation: str | None
    context: int | None
    roles: tuple[str, ...] | None
    missing_bytes: int = 0

    def refusal(self, device: str) -> ModelError | None:
        """Why the engine cannot run it on a device; None where it can, as far as its header tells."""
        try:
            refuse_unsupported(self.model, device)
        except ModelError as error:
            return error
        return None

    @property
    def has_chat_template(self) -> bool:
        """Whether it takes conversations, or plain text only."""
        return self.roles is not None


def describe(rest: str) -> Description:
    """The description of a model by its name without its prefix. Raises `ModelError`."""
    model = locate(rest)
    if model.kind == "ggml":  # whose header tells next to nothing
        return Description(model, None, 0, None, None, None)
    return _of_gguf(model) if model.kind == "gguf" else _of_folder(model)


def _of_gguf(model: LocalModel) -> Description:
    headers = [read_header(file) for file in model.files]
    first = headers[0]
    return Description(
        model,
        first.architecture or None,
        sum(prod(tensor.shape) for header in headers for tensor in header.tensors),
        first.quantisation or model.quant,
        first.context_length,
        roles_of(template_of_gguf(first)),
        sum(header.missing_bytes for header in headers),
    )


def _of_folder(model: LocalModel) -> Description:
    config = read_json(model.path / "config.json")
    tensors = [tensor for file in model.files for tensor in read_tensors(file).values()]
    return Description(
        model,
        architecture_in(config),
        sum(prod(shape) for _, shape in tensors),
        quantisation_in(config) or _commonest(tensors),
        context_in(config),
        roles_of(template_of_folder(model.path)),
    )


def stored_as(model: LocalModel) -> str | None:
    """How a model's weights are stored, as `Q4_K_M` or `BF16`; None where nothing says so."""
    if model.kind == "gguf":
        return read_header(model.path).quantisation or model.quant
    return quantisation_in(read_json(model.path / "config.json")) if model.kind == "folder" else None


def architecture_in(config: Mapping[str, Any]) -> str | None:
    """What a config.json calls the architecture, as in `LlamaForCausalLM`."""
    named = config.get("architectures")
    if isinstance(named, list) and named and isinstance(named[0], str):
        return named[0]
    return _text(config.get("model_type"))


def context_in(config: Mapping[str, Any]) -> int | None:
    """The most tokens that the model of a config.json can attend to."""
    for part in (config, config.get("text_config")):
        if isinstance(part, dict):
            length = part.get("max_position_embeddings")
            if isinstance(length, int):
                return length
    return None


def quantisation_in(config: Mapping[str, Any]) -> str | None:
    """How the weights beside a config.json are stored, as far as it says: `GPTQ`, `BF16`."""
    quantised = config.get("quantization_config")
    if isinstance(quantised, dict) and _text(quantised.get("quant_method")):
        return str(quantised["quant_method"]).upper()
    type = _text(config.get("torch_dtype")) or _text(config.get("dtype"))
    return _short(type) if type is not None else None


def _short(type: str) -> str:
    """PyTorch's name of a type as the others say it."""
    return type.removeprefix("torch.").replace("bfloat", "BF").replace("float", "F").upper()


def _commonest(tensors: Iterable[tuple[str, tuple[int, ...]]]) -> str | None:
    elements: Counter[str] = Counter()
    for type, shape in tensors:
        elements[type] += prod(shape)
    return elements.most_common(1)[0][0] if elements else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
