"""A model of the size that measurements need, made here: random weights, so that nothing is fetched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from tests.fixtures_models import safetensors_folder

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 768, 12, 12, 2048, 8192


def random_llama(folder: Path) -> Path:
    """Write a Llama of 87 million random weights, with `tiny`'s tokenizer and template, as safetensors.

    The end of the text has no weight of its own, so a greedy reply is as long as it may be.
    """
    safetensors_folder(folder)
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "max_position_embeddings": CONTEXT,
        "tie_word_embeddings": False,
    }
    path.write_text(json.dumps(config), encoding="utf-8")
    generator = np.random.default_rng(1)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (generator.standard_normal((rows, columns)) * 0.02).astype(np.float16)

    ones = np.ones(WIDTH, np.float16)
    head = matrix(config["vocab_size"], WIDTH)
    head[config["eos_token_id"]] = 0
    weights = {
        "model.embed_tokens.weight": matrix(config["vocab_size"], WIDTH),
        "model.norm.weight": ones,
        "lm_head.weight": head,
    }
    for layer in range(LAYERS):
        before = f"model.layers.{layer}"
        weights[f"{before}.input_layernorm.weight"] = ones
        weights[f"{before}.post_attention_layernorm.weight"] = ones
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            weights[f"{before}.self_attn.{name}.weight"] = matrix(WIDTH, WIDTH)
        weights[f"{before}.mlp.gate_proj.weight"] = matrix(INNER, WIDTH)
        weights[f"{before}.mlp.up_proj.weight"] = matrix(INNER, WIDTH)
        weights[f"{before}.mlp.down_proj.weight"] = matrix(WIDTH, INNER)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
