"""Writes the trained model as a GGUF file that the engine loads."""

from __future__ import annotations

import json
import os
from pathlib import Path

import gguf
import numpy as np
from tokenizers import Tokenizer
from torch import Tensor

from .conversation import CHAT_TEMPLATE, END_OF_TEXT, MESSAGE_END
from .model import Decoder
from .tokenizer import CONTROL_TOKENS

_DESCRIPTION = "A demonstration and test model for spnl. Not for use."


def _write_metadata(writer: gguf.GGUFWriter, model: Decoder) -> None:
    """Write the general and architecture keys."""
    shape = model.shape
    writer.add_name("tiny")
    writer.add_description(_DESCRIPTION)
    writer.add_license("Apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_vocab_size(shape.vocabulary)


def _write_tokenizer(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> None:
    """Write the vocabulary, the merges and the chat template."""
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    tokens = [token for token, _ in pieces]
    kinds = [gguf.TokenType.CONTROL if token in CONTROL_TOKENS else gguf.TokenType.NORMAL for token in tokens]
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    end, nothing = tokens.index(MESSAGE_END), tokens.index(END_OF_TEXT)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(nothing)
    writer.add_eos_token_id(end)
    writer.add_pad_token_id(nothing)
    writer.add_add_bos_token(False)
    writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _add_matrix(writer: gguf.GGUFWriter, name: str, weight: Tensor) -> None:
    """Add a weight as F16, a norm's vector as F32."""
    kind = np.float16 if weight.dim() > 1 else np.float32
    writer.add_tensor(name, weight.detach().float().contiguous().numpy().astype(kind))


def _paired(weight: Tensor, heads: int) -> Tensor:
    """Reorder rows (width, width) so that rotated channels are adjacent, not half a head apart."""
    width = weight.shape[0]
    halves = weight.view(heads, 2, width // heads // 2, width)
    return halves.transpose(1, 2).reshape(width, width)


def _write_tensors(writer: gguf.GGUFWriter, model: Decoder) -> None:
    """Write the weights under llama.cpp's names; the output shares the embedding."""
    _add_matrix(writer, "token_embd.weight", model.embedding.weight)
    _add_matrix(writer, "output_norm.weight", model.norm.weight)
    for index, block in enumerate(model.blocks):
        state = block.state_dict()
        query, key, value = state["attention.query_key_value.weight"].chunk(3)
        gate, up = state["feed_forward.gate_up.weight"].chunk(2)
        tensors = {
            "attn_norm": state["attention_norm.weight"],
            "attn_q": _paired(query, model.shape.heads),
            "attn_k": _paired(key, model.shape.heads),
            "attn_v": value,
            "attn_output": state["attention.output.weight"],
            "ffn_norm": state["feed_forward_norm.weight"],
            "ffn_gate": gate,
            "ffn_up": up,
            "ffn_down": state["feed_forward.down.weight"],
        }
        for name, weight in tensors.items():
            _add_matrix(writer, f"blk.{index}.{name}.weight", weight)


def write_gguf(path: Path, model: Decoder, tokenizer: Tokenizer) -> None:
    """Write the model to the path, whole or not at all."""
    unfinished = path.with_suffix(".unfinished")
    writer = gguf.GGUFWriter(str(unfinished), "llama")
    _write_metadata(writer, model)
    _write_tokenizer(writer, tokenizer)
    _write_tensors(writer, model)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(unfinished, path)
