"""The engine's settings: the environment variables and the keys of the configuration that they are read from.

Read on every run, whatever the model, so this imports errors, frozen records and `setting_types` only. A
value that makes no sense is an error: a misspelt setting that is ignored costs its user an afternoon.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from spnl.errors import UsageError, nearest
from spnl.frozen import Frozen
from spnl.setting_types import (
    BLOCK_SIZES,
    CACHE_TYPES,
    DEVICES,
    DTYPES,
    ISQ_TYPES,
    TRUTHS,
    count,
    file,
    isq_type,
    memory,
    one_of,
    sequences,
)

Device = Literal["auto", "cpu", "cuda", "metal"]
DType = Literal["auto", "bf16", "f16", "f32"]


class Settings(Frozen):
    """How models are loaded and run on this machine; the fields are those of `VARIABLES`.

    `isq` is None for weights as they are, `paged_attention` is None for wherever the device can. `memory` is
    a share of the device's memory, or what the caches of attention may hold, in the engine's spelling.
    """

    isq: str | None = None
    dtype: DType = "auto"
    chat_template: str | None = None
    tokenizer: str | None = None
    topology: str | None = None
    xlora: str | None = None
    xlora_order: str | None = None
    paged_attention: bool | None = None
    block_size: int = 32
    memory: float | str | None = None
    cache_type: Literal["auto", "f8e4m3"] = "auto"
    prefix_cache: int = 16
    max_seqs: int = 32
    draft_model: str | None = None
    draft_tokens: int | None = None
    no_stream: bool = False
    device: Device = "auto"
    verbose: bool = False

    @property
    def of_load(self) -> Settings:
        """What of them a loaded model depends on: two runs that differ in the rest share it."""
        return self.but(no_stream=False, verbose=False)


class Variable(Frozen):
    """One environment variable: the field that it sets, what it accepts, and how it is read.

    `read` is given the trimmed value, never an empty one, and raises LookupError or ValueError where that
    makes no sense. `is_path` says that it is a file; `has_flag`, that commands which load models have a flag
    of it.
    """

    PREFIX: ClassVar = "MISTRALRS_"

    name: str
    field: str
    accepts: str
    meaning: str
    read: Callable[[str], Any]
    is_path: bool = False
    has_flag: bool = True

    @property
    def metavar(self) -> str:
        """What stands for its value in help."""
        return "FILE" if self.is_path else self.key.rpartition("_")[2].upper()

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return "--" + self.key.replace("_", "-")

    @property
    def key(self) -> str:
        """Its name in the table `[mistralrs]` of the configuration."""
        return self.name.removeprefix(self.PREFIX).lower()

    def nearest(self, text: str) -> tuple[str, ...]:
        """The `helps` for a value that makes no sense."""
        near = nearest(text.upper(), ISQ_TYPES) if self.field == "isq" else None
        return (f"did you mean `{near}`?",) if near else ()


def read_settings(
    environ: Mapping[str, str],
    configured: Mapping[str, Any] | None = None,
    flags: Mapping[str, str] | None = None,
) -> Settings:
    """The settings that are in force: flags above the environment above the configuration.

    `configured` holds values by field, `flags` texts by the names of variables; they have been read once. A
    variable that is empty counts as not set. A `UsageError` `bad-variable` names a value that makes no sense.
    """
    given = dict(configured or {})
    for variable in VARIABLES:
        text = (flags or {}).get(variable.name) or environ.get(variable.name, "").strip()
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


VARIABLES = (
    Variable(
        "MISTRALRS_ISQ",
        "isq",
        "a type of quantisation such as Q4K, Q5K, Q8_0, HQQ4, AFQ4 or FP8, or `none`",
        "Quantise the weights of a model that is not a GGUF file while it loads.",
        isq_type,
    ),
    Variable(
        "MISTRALRS_DTYPE",
        "dtype",
        "`auto`, `bf16`, `f16` or `f32`",
        "What numbers the engine computes with.",
        one_of(DTYPES),
    ),
    Variable(
        "MISTRALRS_CHAT_TEMPLATE",
        "chat_template",
        "the path of a file that is there, a chat template in Jinja",
        "Use this chat template in place of the model's own.",
        file,
        is_path=True,
    ),
    Variable(
        "MISTRALRS_TOKENIZER",
        "tokenizer",
        "the path of a tokenizer.json that is there",
        "Use this tokenizer in place of the model's own; GGML files come without one.",
        file,
        is_path=True,
    ),
    Variable(
        "MISTRALRS_TOPOLOGY",
        "topology",
        "the path of a file that is there, a topology in YAML",
        "Quantise layers, and put them on devices, as this topology says.",
        file,
        is_path=True,
    ),
    Variable(
        "MISTRALRS_XLORA",
        "xlora",
        "a folder, or a repository of Hugging Face that is on this machine",
        "Mix the adapters of this X-LoRA model in; needs an order too.",
        str,
    ),
    Variable(
        "MISTRALRS_XLORA_ORDER",
        "xlora_order",
        "the path of a file that is there, an X-LoRA ordering in JSON",
        "In which order the adapters of X-LoRA come.",
        file,
        is_path=True,
    ),
    Variable(
        "MISTRALRS_PAGED_ATTN",
        "paged_attention",
        "`true` or `false`",
        "Use paged attention; where the device can, unless it is said not to.",
        one_of(TRUTHS),
    ),
    Variable(
        "MISTRALRS_PAGED_ATTN_BLOCK_SIZE",
        "block_size",
        "8, 16 or 32",
        "Tokens in a block of paged attention.",
        one_of(BLOCK_SIZES),
    ),
    Variable(
        "MISTRALRS_PAGED_ATTN_MEMORY",
        "memory",
        "a share from 0 to 1, as 0.85, or a size as `4GiB`, or a context as `65536tokens`",
        "How much memory paged attention takes: of the device's, or for its caches.",
        memory,
    ),
    Variable(
        "MISTRALRS_PAGED_ATTN_CACHE_TYPE",
        "cache_type",
        "`auto` or `f8e4m3`",
        "What numbers the caches of paged attention hold; f8e4m3 takes half the memory.",
        one_of(CACHE_TYPES),
    ),
    Variable(
        "MISTRALRS_PREFIX_CACHE_N",
        "prefix_cache",
        "a whole number, or `false` for none",
        "How many sequences are kept so that prompts which begin alike are read once.",
        sequences,
    ),
    Variable(
        "MISTRALRS_MAX_SEQS",
        "max_seqs",
        "a whole number, at least 1",
        "How many sequences the engine runs at once.",
        count,
    ),
    Variable(
        "MISTRALRS_SPECULATIVE_DRAFT_MODEL",
        "draft_model",
        "a folder, or a repository of Hugging Face that is on this machine",
        "The MTP assistant that proposes tokens for the model to verify.",
        str,
    ),
    Variable(
        "MISTRALRS_SPECULATIVE_GAMMA",
        "draft_tokens",
        "a whole number, at least 1",
        "How many tokens it proposes at a time.",
        count,
    ),
    Variable(
        "MISTRALRS_NO_STREAM",
        "no_stream",
        "`true` or `false`",
        "Write the answer at the end, not while it is made.",
        one_of(TRUTHS),
        has_flag=False,  # `--no-stream` belongs to the commands that write an answer
    ),
    Variable(
        "MISTRALRS_DEVICE",
        "device",
        "`auto`, `cpu`, `cuda` or `metal`",
        "What models run on.",
        one_of(DEVICES),
    ),
    Variable(
        "MISTRALRS_VERBOSE",
        "verbose",
        "`true` or `false`",
        "Let the engine's log be written, to stderr.",
        one_of(TRUTHS),
        has_flag=False,  # `--verbose` is spnl's own
    ),
)
"""Every variable of the engine. HF_HOME, HF_TOKEN and RUST_LOG are read by the libraries themselves."""
