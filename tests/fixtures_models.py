"""Model files for tests, made from the bundled model with the `gguf` and `safetensors` packages.

Nothing here needs a network or more than a second: a variant of `tiny` is a copy of its tensors, as they
are or quantised, under metadata that differs in one thing.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import save_file

TINY = Path(__file__).parent.parent / "spnl" / "data" / "tiny.gguf"

THINK_TEMPLATE = (
    "{% for message in messages %}"
    "{% set text = message['content'].split('</think>')[-1] %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + text + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is not defined or enable_thinking %}{{ '<think>\\n' }}{% endif %}{% endif %}"
)
"""A template that opens a thought at the start of a turn, as thinking models' templates do."""

ODD_TEMPLATE = (
    "{%- for message in messages %}\n"
    "    {%- if message.role == 'system' and not loop.first %}\n"
    "        {{- raise_exception('a system message comes first') }}\n"
    "    {%- endif %}\n"
    "    {{- bos_token + message.role.upper() + ': ' + message.content.strip() | tojson }}\n"
    "    {% if not loop.last %}\n"
    "\n{% endif %}\n"
    "{%- endfor %}\n"
    "{{ eos_token }}"
)
"""A template that uses the dialect: whitespace control, `raise_exception`, `tojson`, Python methods."""

_WRITTEN_BY_WRITER = ("general.architecture",)


def copy_gguf(
    target: Path,
    *,
    source: Path = TINY,
    quantise: gguf.GGMLQuantizationType | None = None,
    changed: dict[str, Any] | None = None,
    dropped: tuple[str, ...] = (),
    tensors_in_part: int = 0,
) -> Path:
    """Copy a GGUF file: weights quantised where that is asked for, metadata `changed` and `dropped`.

    With `tensors_in_part` the copy is split, as `NAME-00001-of-00003.gguf` and so on.
    """
    reader = gguf.GGUFReader(source)
    changed = dict(changed or {})
    if quantise is not None:
        changed["general.file_type"] = gguf.LlamaFileType[f"MOSTLY_{quantise.name}"]
    architecture = changed.get("general.architecture", _value(reader, "general.architecture"))
    writer = gguf.GGUFWriter(target, architecture, split_max_tensors=tensors_in_part)
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in (*_WRITTEN_BY_WRITER, *dropped):
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, changed.get(name, field.contents()), kind, inner)
    for tensor in reader.tensors:
        _add_tensor(writer, tensor, quantise)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def safetensors_folder(folder: Path, *, source: Path = TINY, chat_template: bool = True) -> Path:
    """Write a GGUF file of a Llama as the folder that Hugging Face's libraries save."""
    folder.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(source)
    config = _llama_config(reader)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    tokens = _value(reader, "tokenizer.ggml.tokens")
    settings = {
        "bos_token": tokens[config["bos_token_id"]],
        "eos_token": tokens[config["eos_token_id"]],
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    if chat_template:
        settings["chat_template"] = _value(reader, "tokenizer.chat_template")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(reader)), encoding="utf-8")
    heads = config["num_attention_heads"]
    weights = {_hugging_face_name(t.name): _hugging_face_order(t, heads) for t in reader.tensors}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def adapter(folder: Path, model: Path, *, strength: float = 1.0) -> Path:
    """An adapter for a Llama in safetensors, of noise, as peft saves one."""
    config = json.loads((model / "config.json").read_text())
    width, rank = config["hidden_size"], 4
    folder.mkdir()
    saved = {"peft_type": "LORA", "r": rank, "lora_alpha": rank, "target_modules": ["q_proj", "v_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(saved))
    noise = np.random.default_rng(0)
    weights = {}
    for layer in range(config["num_hidden_layers"]):
        for name in saved["target_modules"]:
            module = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            weights[f"{module}.lora_A.weight"] = noise.normal(size=(rank, width)).astype(np.float16)
            weights[f"{module}.lora_B.weight"] = (
                strength * noise.normal(size=(width, rank)).astype(np.float16)
            ).astype(np.float16)
    save_file(weights, folder / "adapter_model.safetensors")
    return folder


class ModelFiles:
    """The models that tests run, each made in `folder` when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def q8(self) -> Path:
        """`tiny` in Q8_0: the quantisation in which the engine's fault shows."""
        return copy_gguf(self.folder / "q8.gguf", quantise=gguf.GGMLQuantizationType.Q8_0)

    @cached_property
    def thinking(self) -> Path:
        """`tiny` with a template that opens a thought."""
        return self._with_template("thinking.gguf", THINK_TEMPLATE)

    @cached_property
    def odd(self) -> Path:
        """`tiny` with a template that uses much of the dialect, and refuses some conversations."""
        return self._with_template("odd.gguf", ODD_TEMPLATE)

    @cached_property
    def base(self) -> Path:
        """`tiny` without its chat template."""
        return copy_gguf(self.folder / "base.gguf", dropped=("tokenizer.chat_template",))

    @cached_property
    def endless(self) -> Path:
        """`tiny` without a chat template or an end of text it could say: a byte that is in no character."""
        never = _value(gguf.GGUFReader(TINY), "tokenizer.ggml.tokens").index("ÿ")
        return copy_gguf(
            self.folder / "endless.gguf",
            changed={"tokenizer.ggml.eos_token_id": never},
            dropped=("tokenizer.chat_template",),
        )

    @cached_property
    def safetensors(self) -> Path:
        """`tiny` as a folder of Hugging Face's libraries."""
        return safetensors_folder(self.folder / "safetensors")

    @cached_property
    def split(self) -> Path:
        """The first of three parts of `tiny`."""
        count = len(gguf.GGUFReader(TINY).tensors)
        copy_gguf(self.folder / "split.gguf", tensors_in_part=-(-count // 3))
        return self.folder / "split-00001-of-00003.gguf"

    @cached_property
    def truncated(self) -> Path:
        """The first half of `tiny`."""
        whole = TINY.read_bytes()
        return self._written("truncated.gguf", whole[: len(whole) // 2])

    @cached_property
    def header_only(self) -> Path:
        """`tiny` up to where its tensors' data begin."""
        return self._written("header.gguf", TINY.read_bytes()[: gguf.GGUFReader(TINY).data_offset])

    def _with_template(self, name: str, template: str) -> Path:
        return copy_gguf(self.folder / name, changed={"tokenizer.chat_template": template})

    def _written(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


def _value(reader: gguf.GGUFReader, name: str) -> Any:
    field = reader.get_field(name)
    assert field is not None, name
    return field.contents()


def _add_tensor(
    writer: gguf.GGUFWriter, tensor: gguf.ReaderTensor, quantise: gguf.GGMLQuantizationType | None
) -> None:
    """Add a tensor; quantised if it is a matrix whose rows divide into blocks.

    The package cannot quantise to the IQ types; weights of those are all zero bits.
    """
    rows = tensor.data
    block, size = gguf.GGML_QUANT_SIZES[quantise or gguf.GGMLQuantizationType.F32]
    if quantise is None or rows.ndim < 2 or rows.shape[-1] % block:
        writer.add_tensor(tensor.name, rows, raw_dtype=tensor.tensor_type)
        return
    try:
        quantised = gguf.quantize(rows.astype(np.float32), quantise)
    except NotImplementedError:
        quantised = np.zeros((rows.shape[0], rows.shape[1] // block * size), np.uint8)
    writer.add_tensor(tensor.name, quantised, raw_dtype=quantise)


def _llama_config(reader: gguf.GGUFReader) -> dict[str, Any]:
    def llama(key: str) -> Any:
        return _value(reader, f"llama.{key}")

    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "hidden_size": llama("embedding_length"),
        "intermediate_size": llama("feed_forward_length"),
        "num_hidden_layers": llama("block_count"),
        "num_attention_heads": llama("attention.head_count"),
        "num_key_value_heads": llama("attention.head_count_kv"),
        "rms_norm_eps": llama("attention.layer_norm_rms_epsilon"),
        "rope_theta": llama("rope.freq_base"),
        "max_position_embeddings": llama("context_length"),
        "vocab_size": len(_value(reader, "tokenizer.ggml.tokens")),
        "tie_word_embeddings": True,
        "torch_dtype": "float16",
        "bos_token_id": _value(reader, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": _value(reader, "tokenizer.ggml.eos_token_id"),
    }


def _tokenizer(reader: gguf.GGUFReader) -> dict[str, Any]:
    """The byte-level BPE of a GGUF file as a `tokenizer.json`."""
    tokens = _value(reader, "tokenizer.ggml.tokens")
    kinds = _value(reader, "tokenizer.ggml.token_type")
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    control = [
        {"id": index, "content": token, **plain}
        for index, (token, kind) in enumerate(zip(tokens, kinds, strict=True))
        if kind == gguf.TokenType.CONTROL
    ]
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {
        "version": "1.0",
        "added_tokens": control,
        "normalizer": None,
        "pre_tokenizer": level,
        "post_processor": None,
        "decoder": level,
        "model": {
            "type": "BPE",
            "vocab": {token: index for index, token in enumerate(tokens)},
            "merges": _value(reader, "tokenizer.ggml.merges"),
        },
    }


_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def _hugging_face_name(name: str) -> str:
    block = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
    return f"model.layers.{block[1]}.{_NAMES[block[2]]}.weight" if block else _NAMES[name]


def _hugging_face_order(tensor: gguf.ReaderTensor, heads: int) -> np.ndarray[Any, Any]:
    """Rows as Hugging Face keeps them: a head's rotated channels in two halves, not in pairs."""
    weight = tensor.data.astype(np.float16)
    if not re.search(r"attn_[qk]\.weight", tensor.name):
        return weight
    rows, width = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, width)
    return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(rows, width))
