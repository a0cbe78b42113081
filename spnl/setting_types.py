"""What the engine's settings take: each reader makes a value of a text, or raises LookupError or ValueError.

Imports nothing of the project.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
TRUTHS = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
DEVICES = {device: device for device in ("auto", "cpu", "cuda", "metal")}
DTYPES = {name: name for name in ("auto", "bf16", "f16", "f32")}
CACHE_TYPES = {name: name for name in ("auto", "f8e4m3")}
# The engine's attention kernels are compiled for these; it refuses others, but on a GPU only.
BLOCK_SIZES = {"8": 8, "16": 16, "32": 32}


def one_of(values: Mapping[str, Any]) -> Callable[[str], Any]:
    """A reader of one of some words."""
    return lambda text: values[text.lower()]


def sequences(text: str) -> int:
    if text.lower() == "false":
        return 0
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise ValueError(text)
    return int(text)


# What the engine's `in_situ_quant` takes, by the engine's own list of it; a number is a width in bits.
ISQ_TYPES = (
    *("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q8_1"),
    *("Q2K", "Q3K", "Q4K", "Q5K", "Q6K", "Q8K"),
    *("HQQ4", "HQQ8", "AFQ2", "AFQ3", "AFQ4", "AFQ6", "AFQ8", "FP8", "F8Q8", "MXFP4"),
    *("2", "3", "4", "5", "6", "8"),
)
_ISQ_ALIASES = {"Q8": "Q8_0", **{name.replace("_", ""): name for name in ISQ_TYPES}}


def count(text: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,5}", text):
        raise ValueError(text)
    return int(text)


def memory(text: str) -> float | str:
    """A share as a number, anything else in the engine's spelling."""
    if re.fullmatch(r"[1-9][0-9]{0,9} ?tokens|[0-9]{1,6}(\.[0-9]{1,3})? ?[KMGT]iB", text):
        return text.replace(" ", "")
    share = float(text)
    if not 0 < share <= 1:
        raise ValueError(text)
    return share


def file(text: str) -> str:
    path = os.path.abspath(os.path.expanduser(text))
    if not os.path.isfile(path):
        raise ValueError(text)
    return path


def isq_type(text: str) -> str | None:
    """A type by the engine's name for it, from that or from the name of a GGUF file's mixture.

    `Q4_K_M` and `q4k` are both Q4K, as upstream has it: `_M`, `_S` and `_L` say how a file mixes types.
    None for `none`; LookupError for what is no type.
    """
    if text.lower() in ("none", "false"):
        return None
    plain = re.sub("_[MSL]", "", text.upper()).replace("_", "")
    return _ISQ_ALIASES[plain]
