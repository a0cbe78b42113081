"""Quantisations as file names tell them: which one a name says, which the engine runs, which is best.

Publishers write `Q4_K_M` after a dash or a dot, in upper or lower case, with a prefix (`i1-`, `UD-`), at the
end of the name or as the name of a folder. Imports frozen records only.
"""

from __future__ import annotations

import re

from spnl.frozen import Frozen

PREFERRED = "Q4_K_M"
"""What is taken where nothing else is asked for: on a CPU the fastest, and good enough for most."""

_LABEL = re.compile(
    r"(?<![A-Z0-9])(?P<dynamic>UD[-_.])?"
    r"(?P<type>I?Q\d_\d_\d_\d|I?Q\d_?K?_?(?:XXS|XXL|XS|XL|NL|KS|KT|KM|S|M|L|\d)?|I2_S|TQ\d_\d|MXFP4(?:_MOE)?|NVFP4"
    r"|(?:BF|FP|F)(?:16|32))(?:_(?P<size>XXS|XXL|XS|XL|[SML]))?(?![A-Z0-9]|_\d)"
)

# What the engine runs, best for a CPU first. K-quants are several times faster there than the older types;
# of the K-quants four bits are the fastest, and fewer are worse rather than faster. Of the older types, which
# are equally slow, the finest is best.
_BEST_FIRST = (
    "Q4_K_M", "Q4_K_L", "Q4_K_XL", "Q4_K", "Q4", "Q4_K_S", "Q4_K_XS", "Q5_K_M", "Q5_K_L", "Q5_K_XL", "Q5_K",
    "Q5", "Q5_K_S", "Q6_K", "Q6_K_M", "Q6_K_S", "Q6_K_L", "Q6_K_XL", "Q6", "Q3_K_L", "Q3_K_XL", "Q3_K_M",
    "Q3_K", "Q3", "Q3_K_S", "Q3_K_XS", "Q2_K_XL", "Q2_K_L", "Q2_K_M", "Q2_K", "Q2", "Q2_K_S", "Q2_K_XS",
    "Q8_K", "Q8_0", "Q8", "Q8_K_L", "Q8_K_XL", "Q8_1", "Q5_1", "Q5_0", "Q4_1", "Q4_0", "MXFP4", "MXFP4_MOE",
    None, "F16", "BF16", "F32",
)  # fmt: skip
_RANKS = {name: rank for rank, name in enumerate(_BEST_FIRST)}
_DYNAMIC_RANK = _RANKS["Q8_K"] - 0.5
_UNQUANTISED = ("F16", "BF16", "F32")


class Quant(Frozen):
    """A quantisation: its type, as in `Q4_K_M`, and whether its maker calls it dynamic (`UD-`).

    A type of None is what a name does not say.
    """

    type: str | None
    dynamic: bool = False

    def __str__(self) -> str:
        """As it is asked for after a colon."""
        return ("UD-" if self.dynamic else "") + (self.type or "")

    @property
    def runs(self) -> bool:
        """Whether the engine runs it. What a name does not say is left to the engine."""
        return self.type in _RANKS

    @property
    def is_quantised(self) -> bool:
        """Whether it is smaller than 16 bits, as far as the name says."""
        return self.type is not None and self.type not in _UNQUANTISED

    @property
    def rank(self) -> tuple[float, int]:
        """Its place in the order of choice, lowest best.

        Dynamic ones come after all other K-quants: some of their tensors may be of types that do not run.
        """
        rank = _RANKS.get(self.type, len(_RANKS))
        if self.dynamic and rank < _DYNAMIC_RANK:
            return (_DYNAMIC_RANK, rank)
        return (rank, 0)

    def is_asked_by(self, asked: str) -> bool:
        """Whether a user who writes `asked` means exactly this one: `q4_k_m`, `Q4-K-M` and `q4km` are one."""
        return self.type is not None and _bare(asked) in (_bare(str(self)), _bare(self.type))

    def begins_with(self, asked: str) -> bool:
        """Whether a user who writes less, as in `Q4` or `Q5_K`, may mean this one."""
        return self.type is not None and self.runs and _bare(self.type).startswith(_bare(asked))


UNKNOWN = Quant(None)
"""What a file's name says that says nothing."""


def quant_in(name: str) -> tuple[Quant, str]:
    """The quantisation in a name without its ending, and the name without it.

    Where there are several, the last is meant: `model-f16-Q8_0`. All go from what is left.
    """
    upper = name.upper()
    found = [match for match in _LABEL.finditer(upper) if _type(match) is not None]
    if not found:
        return UNKNOWN, name
    rest, end = "", 0
    for match in found:
        rest, end = rest + name[end : match.start()], match.end()
    last = found[-1]
    return Quant(_type(last), last["dynamic"] is not None), rest + name[end:]


def read_quant(asked: str) -> Quant:
    """The quantisation that a user asks for, as far as it is one."""
    return quant_in(asked.replace("-", "_").replace("UD_", "UD-").replace("ud_", "UD-"))[0]


def _type(match: re.Match[str]) -> str | None:
    """A label's type in ggml's spelling; None where it only looks like one."""
    type = match["type"]
    if match["size"]:
        type = f"{type}_{match['size']}"
    if type.startswith("FP"):
        return "F" + type[2:]
    if type.startswith("Q"):
        bits, rest = type[:2], type[2:].replace("_", "")
        if rest.startswith("K"):
            return f"{bits}_K" + (f"_{rest[1:]}" if rest[1:] else "")
        return type if "_" in type or not rest else f"{bits}_{rest}"
    return type


def _bare(text: str) -> str:
    return text.upper().replace("_", "").replace("-", "").replace(".", "").replace("FP", "F")
