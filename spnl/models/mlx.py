"""Recognises models that are quantised for Apple's MLX, which look like others until a tensor is missing.

They tell themselves by their repository's name, by `quantization` in config.json, and by their tensors'
names: each quantised `….weight` has `….scales` and `….biases` beside it. Imports nothing of the project.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

_NAMED = re.compile(r"^mlx-community/|(?<![a-z0-9])mlx(?![a-z0-9])[^/]*$", re.IGNORECASE)
_BITS = re.compile(r"\d-?bits?(?![a-z])|(?<![a-z0-9])(mxfp\d|nvfp\d|q\d|dwq)(?![a-z])", re.IGNORECASE)
_SUFFIX = re.compile(
    r"([-_.](mlx|mxfp\d|nvfp\d|\d+(\.\d+)?-?bits?|q\d+|dwq|awq|gs\d+|affine|bf16|fp16|f16|8bit|4bit))+$",
    re.IGNORECASE,
)


def is_mlx(repo: str, config: Mapping[str, Any] | None) -> bool:
    """Whether a repository with safetensors is for MLX, by its name or by what its config.json holds.

    Where the name says nothing of bits, and config.json of quantisation, the weights are as in the original.
    """
    if config is not None and (is_mlx_config(config) or not _BITS.search(repo)):
        return is_mlx_config(config)
    return _NAMED.search(repo) is not None


def is_mlx_config(config: Mapping[str, Any]) -> bool:
    """Whether a config.json says so: `quantization` with a group's size, which no other library writes."""
    quantization = config.get("quantization")
    return isinstance(quantization, dict) and ("group_size" in quantization or "bits" in quantization)


def is_mlx_tensors(names: Collection[str]) -> bool:
    """Whether tensors' names say so."""
    known = set(names)
    return any(
        name.endswith(".scales") and f"{name[:-7]}.biases" in known and f"{name[:-7]}.weight" in known
        for name in known
    )


def original_name(repo: str) -> str:
    """The name of the model that an MLX repository was made of, without its publisher."""
    name = repo.rstrip("/").rpartition("/")[2]
    return _SUFFIX.sub("", name) or name
