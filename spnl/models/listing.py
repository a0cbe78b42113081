"""What a list of file names says: which GGUF models are in it, and which files a safetensors model needs.

Names are relative, with `/` between folders. Nothing is opened. Imports frozen records and `quants`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from spnl.frozen import Frozen
from spnl.models.quants import UNKNOWN, Quant, quant_in

_PART = re.compile(r"(?P<base>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})")
_NO_MODEL = re.compile(
    r"(?<![a-z])(mmproj|imatrix|projector|vision-adapter|ggml-vocab|vocab-only)(?![a-z])", re.IGNORECASE
)
_RAW_PIECE = re.compile(r".*\.gguf(\.part\d+of\d+|-split-[a-z]|\.\d{3})", re.IGNORECASE)
_SHARD = re.compile(r"model(-\d{5}-of-(?P<count>\d{5}))?\.safetensors")
_BESIDE_WEIGHTS = (
    "config.json", "generation_config.json", "model.safetensors.index.json", "tokenizer.json", "tekken.json",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.json",
    "chat_template.jinja", "preprocessor_config.json", "processor_config.json", "quantize_config.json",
)  # fmt: skip
TOKENIZERS = ("tokenizer.json", "tekken.json")
"""What the engine reads a tokenizer from, beside safetensors."""

MOST_PARTS = 1000


class GgufGroup(Frozen):
    """One GGUF model among the files: one file, or the parts of one, of which some may be missing.

    `model` is what the name says beside the quantisation: the same for all quantisations of one model.
    """

    files: tuple[str, ...]
    missing: tuple[str, ...]
    quant: Quant
    model: str

    @property
    def name(self) -> str:
        """The name of the first file, for people."""
        return (self.files or self.missing)[0]

    @property
    def depth(self) -> int:
        """How many folders it is in."""
        return self.name.count("/")


def is_gguf(name: str) -> bool:
    """Whether a file's name ends as those of GGUF files do."""
    return name.lower().endswith(".gguf")


def is_raw_piece(name: str) -> bool:
    """Whether a file is a piece of a GGUF file that was cut bytewise and must be joined before use."""
    return _RAW_PIECE.fullmatch(name) is not None


def is_no_model(name: str) -> bool:
    """Whether a GGUF file goes with a model but is none: an image encoder, an importance matrix."""
    return _NO_MODEL.search(name) is not None


def gguf_groups(names: Iterable[str]) -> list[GgufGroup]:
    """The GGUF models in a listing, in the listing's order, each with all of its parts in theirs."""
    present = [name for name in names if is_gguf(name) and not is_no_model(name)]
    known = set(present)
    groups: dict[str, GgufGroup] = {}
    for name in present:
        expected = parts_of(name)
        quant, model = _described(name)
        files = tuple(part for part in expected if part in known)
        missing = tuple(part for part in expected if part not in known)
        groups.setdefault(expected[0], GgufGroup(files, missing, quant, model))
    return list(groups.values())


def parts_of(name: str) -> tuple[str, ...]:
    """The files of the model that a GGUF file belongs to, as llama.cpp names parts: `…-00001-of-00003`."""
    stem, ending = name[:-5], name[-5:]
    part = _PART.fullmatch(stem)
    if part is None or not 0 < int(part["count"]) <= MOST_PARTS:
        return (name,)
    return tuple(
        f"{part['base']}-{index:05}-of-{part['count']}{ending}" for index in range(1, int(part["count"]) + 1)
    )


def _described(name: str) -> tuple[Quant, str]:
    """The quantisation and the model that a path tells; folders named after a quantisation say only that."""
    *folders, file = name[:-5].split("/")
    part = _PART.fullmatch(file)
    quant, rest = quant_in(part["base"] if part else file)
    kept = []
    for folder in folders:
        of_folder, _ = quant_in(folder)
        if of_folder == UNKNOWN:
            kept.append(folder)
        elif quant == UNKNOWN:
            quant = of_folder
    return quant, "/".join([*(folder.lower() for folder in kept), plain(rest)])


def plain(name: str) -> str:
    """A model's name for comparison: lower case, one kind of separator, without what says nothing."""
    words = [word for word in re.split(r"[-._ ]+", name.lower()) if word]
    return "-".join(word for word in words if word not in ("i1", "imat", "gguf"))


def safetensors_files(names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The weights of a safetensors model at the top of a listing: those that are there, and those missing.

    Of copies in several forms (`model…`, `consolidated…`) the one that config.json describes is meant.
    """
    top = sorted(name for name in names if name.endswith(".safetensors") and "/" not in name)
    shards = {name: found for name in top if (found := _SHARD.fullmatch(name)) is not None}
    if "model.safetensors" in shards:
        return ("model.safetensors",), ()
    counts = sorted({found["count"] for found in shards.values() if 0 < int(found["count"]) <= MOST_PARTS})
    if counts:
        wanted = [_shards(count) for count in counts]
        best = min(wanted, key=lambda all: sum(name not in shards for name in all))
        return tuple(n for n in best if n in shards), tuple(n for n in best if n not in shards)
    others = [name for name in top if not name.startswith(("consolidated", "adapter_"))]
    return tuple(others), ()


def _shards(count: str) -> list[str]:
    return [f"model-{index:05}-of-{count}.safetensors" for index in range(1, int(count) + 1)]


def beside_weights(names: Iterable[str]) -> tuple[str, ...]:
    """The files that the engine reads beside a safetensors model's weights."""
    known = set(names)
    return tuple(name for name in _BESIDE_WEIGHTS if name in known)
