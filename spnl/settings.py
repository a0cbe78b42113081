"""The engine's settings: the environment variables and the keys of the configuration that they are read from.

Read on every run, whatever the model, so this imports errors and frozen records only. A value that makes no
sense is an error: a misspelt setting that is silently ignored costs its user an afternoon.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from spnl.errors import UsageError, nearest
from spnl.frozen import Frozen

Device = Literal["auto", "cpu", "cuda", "metal"]


class Settings(Frozen):
    """How models are loaded and run on this machine; the fields are those of `VARIABLES`.

    `isq` is None for weights as they are, `paged_attention` is None for wherever the device can.
    """

    isq: str | None = None
    paged_attention: bool | None = None
    block_size: int = 32
    prefix_cache: int = 16
    no_stream: bool = False
    device: Device = "auto"
    verbose: bool = False


class Variable(Frozen):
    """One environment variable: the field that it sets, what it accepts, and how it is read.

    `read` is given the trimmed value, never an empty one, and raises LookupError or ValueError where that
    makes no sense.
    """

    PREFIX: ClassVar = "MISTRALRS_"

    name: str
    field: str
    accepts: str
    meaning: str
    read: Callable[[str], Any]

    @property
    def key(self) -> str:
        """Its name in the table `[mistralrs]` of the configuration."""
        return self.name.removeprefix(self.PREFIX).lower()

    def nearest(self, text: str) -> tuple[str, ...]:
        """The `helps` for a value that makes no sense."""
        near = nearest(text.upper(), _ISQ_TYPES) if self.field == "isq" else None
        return (f"did you mean `{near}`?",) if near else ()


def read_settings(environ: Mapping[str, str], configured: Mapping[str, Any] | None = None) -> Settings:
    """The settings in an environment, above those by field that the configuration has.

    A variable that is empty counts as not set. A `UsageError` `bad-variable` names a value that makes no
    sense.
    """
    given = dict(configured or {})
    for variable in VARIABLES:
        text = environ.get(variable.name, "").strip()
        if not text:
            continue
        try:
            given[variable.field] = variable.read(text)
        except (LookupError, ValueError):
            raise _bad_value(variable, text) from None
    return Settings(**given)


def _bad_value(variable: Variable, text: str) -> UsageError:
    shown = text if len(text) <= 40 else f"{text[:40]}…"
    return UsageError(
        "bad-variable",
        f"the environment variable {variable.name} is {shown!r}, which is not {variable.accepts}",
        helps=variable.nearest(text),
    )


_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_TRUTHS = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}
_DEVICES = {device: device for device in ("auto", "cpu", "cuda", "metal")}
# The engine's attention kernels are compiled for these; it refuses others, but on a GPU only.
_BLOCK_SIZES = {"8": 8, "16": 16, "32": 32}


def _sequences(text: str) -> int:
    if text.lower() == "false":
        return 0
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise ValueError(text)
    return int(text)


# What the engine's `in_situ_quant` takes, by the engine's own list of it; a number is a width in bits.
_ISQ_TYPES = (
    *("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q8_1"),
    *("Q2K", "Q3K", "Q4K", "Q5K", "Q6K", "Q8K"),
    *("HQQ4", "HQQ8", "AFQ2", "AFQ3", "AFQ4", "AFQ6", "AFQ8", "FP8", "F8Q8", "MXFP4"),
    *("2", "3", "4", "5", "6", "8"),
)
_ISQ_ALIASES = {"Q8": "Q8_0", **{name.replace("_", ""): name for name in _ISQ_TYPES}}


def isq_type(text: str) -> str | None:
    """A type by the engine's name for it, from that or from the name of a GGUF file's mixture.

    `Q4_K_M` and `q4k` are both Q4K, as upstream has it: `_M`, `_S` and `_L` say how a file mixes types.
    None for `none`; LookupError for what is no type.
    """
    if text.lower() in ("none", "false"):
        return None
    plain = re.sub("_[MSL]", "", text.upper()).replace("_", "")
    return _ISQ_ALIASES[plain]


VARIABLES = (
    Variable(
        "MISTRALRS_ISQ",
        "isq",
        "a type of quantisation such as Q4K, Q5K, Q8_0, HQQ4, AFQ4 or FP8, or `none`",
        "Quantise the weights of a model that is not a GGUF file while it loads.",
        isq_type,
    ),
    Variable(
        "MISTRALRS_PAGED_ATTN",
        "paged_attention",
        "`true` or `false`",
        "Use paged attention; where the device can, unless it is said not to.",
        lambda text: _TRUTHS[text.lower()],
    ),
    Variable(
        "MISTRALRS_PAGED_ATTN_BLOCK_SIZE",
        "block_size",
        "8, 16 or 32",
        "Tokens in a block of paged attention.",
        lambda text: _BLOCK_SIZES[text],
    ),
    Variable(
        "MISTRALRS_PREFIX_CACHE_N",
        "prefix_cache",
        "a whole number, or `false` for none",
        "How many sequences are kept so that prompts which begin alike are read once.",
        _sequences,
    ),
    Variable(
        "MISTRALRS_NO_STREAM",
        "no_stream",
        "`true` or `false`",
        "Write the answer at the end, not while it is made.",
        lambda text: _TRUTHS[text.lower()],
    ),
    Variable(
        "MISTRALRS_DEVICE",
        "device",
        "`auto`, `cpu`, `cuda` or `metal`",
        "What models run on.",
        lambda text: _DEVICES[text.lower()],
    ),
    Variable(
        "MISTRALRS_VERBOSE",
        "verbose",
        "`true` or `false`",
        "Let the engine's log be written, to stderr.",
        lambda text: _TRUTHS[text.lower()],
    ),
)
"""Every variable of the engine. HF_HOME, HF_TOKEN and RUST_LOG are read by the libraries themselves."""
