"""Which files of a repository or a folder are the model, of all that are there: a pure function.

Preferred is what the user asks for, else a GGUF file in Q4_K_M, else the other quantisations that the engine
runs, best for a CPU first, else safetensors, else GGUF files that are not quantised. What cannot be chosen is
a `Refusal`: data, which `refusals` makes an error of. Imports frozen records and the modules about names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from spnl.frozen import Frozen
from spnl.models.listing import (
    TOKENIZERS,
    GgufGroup,
    beside_weights,
    gguf_groups,
    is_gguf,
    is_raw_piece,
    parts_of,
    plain,
    safetensors_files,
)
from spnl.models.mlx import is_mlx
from spnl.models.quants import PREFERRED, UNKNOWN, Quant, read_quant

RefusalKind = Literal[
    "mlx",
    "unsupported-quantisation",
    "no-weights",
    "no-tokenizer",
    "ambiguous",
    "incomplete",
    "no-such-file",
]


class Choice(Frozen):
    """The files that are the model, sorted or in the order of its parts, and why these, for people.

    `weights` are those of them with weights.
    """

    kind: Literal["gguf", "safetensors"]
    files: tuple[str, ...]
    weights: tuple[str, ...]
    quant: Quant
    why: str


class Refusal(Frozen):
    """Why no files are chosen. `names` are what it is about: models to choose from, or parts missing."""

    kind: RefusalKind
    names: tuple[str, ...] = ()
    asked: str = ""


def choose(
    names: Sequence[str],
    *,
    quant: str | None = None,
    file: str | None = None,
    repo: str = "",
    config: Mapping[str, Any] | None = None,
) -> Choice | Refusal:
    """The model among files.

    `quant` or `file` is what the user asks for. `repo`, the name of the repository or folder, and `config`,
    what its config.json holds, tell MLX models, and which of several models is the one it is named after.
    """
    if file is not None:
        return _asked_file(names, file)
    groups = gguf_groups(names)
    if quant is not None:
        return _asked_quant(groups, quant, repo)
    best = _best(groups, repo)
    if isinstance(best, Choice) and best.quant.is_quantised:
        return best
    tensors = _safetensors(names, repo, config)
    if isinstance(tensors, Choice) or best is None:
        return tensors
    return best


def _asked_file(names: Sequence[str], file: str) -> Choice | Refusal:
    """The file that is asked for, with the other parts if it is one of several."""
    asked = parts_of(file)
    found = [group for group in gguf_groups(names) if group.files and parts_of(group.name) == asked]
    if found and not found[0].quant.runs:
        return Refusal("unsupported-quantisation", _runnable(gguf_groups(names)), file)
    if found:
        return _taken(found[0], "asked for")
    if file in names:
        return Choice("gguf", (file,), (file,), UNKNOWN, "asked for")
    return Refusal("no-such-file", tuple(name for name in names if is_gguf(name)), file)


def _asked_quant(groups: list[GgufGroup], asked: str, repo: str) -> Choice | Refusal:
    """The model in the quantisation that is asked for; in the best, where less is said than one name."""
    exactly = [group for group in groups if group.quant.is_asked_by(asked)]
    plainly = [group for group in exactly if str(group.quant).upper() == asked.upper()] or [
        group for group in exactly if not group.quant.dynamic
    ]
    matching = plainly or exactly or [group for group in groups if group.quant.begins_with(asked)]
    if not matching:
        if read_quant(asked) != UNKNOWN and not read_quant(asked).runs:
            return Refusal("unsupported-quantisation", _runnable(groups), asked)
        return Refusal("no-such-file", _runnable(groups), asked)
    best = _best(matching, repo, "asked for")
    assert best is not None
    if isinstance(best, Refusal) and best.kind == "unsupported-quantisation":
        return Refusal(best.kind, _runnable(groups), asked)
    return best


def _runnable(groups: list[GgufGroup]) -> tuple[str, ...]:
    """The quantisations to choose from instead, best first."""
    there = {group.quant for group in groups if group.quant.runs and not group.missing}
    return tuple(str(quant) for quant in sorted(there, key=lambda quant: quant.rank) if quant != UNKNOWN)


def _best(groups: list[GgufGroup], repo: str, why: str = "") -> Choice | Refusal | None:
    """The best of GGUF models that the engine runs and that are all there; None where there are none."""
    if not groups:
        return None
    runnable = [group for group in groups if group.quant.runs]
    if not runnable:
        return Refusal("unsupported-quantisation", tuple(group.name for group in groups))
    whole = [group for group in runnable if not group.missing]
    if not whole:
        worst = min(runnable, key=lambda group: group.quant.rank)
        return Refusal("incomplete", worst.missing)
    of_one = _of_one_model(whole, repo)
    if len({group.model for group in of_one}) > 1:
        return Refusal("ambiguous", tuple(group.name for group in _one_of_each(of_one)))
    best = min(of_one, key=lambda group: (group.quant.rank, group.depth, len(group.files), group.name))
    return _taken(best, why or _reason(best.quant, len(of_one)))


def _of_one_model(groups: list[GgufGroup], repo: str) -> list[GgufGroup]:
    """Those of the model that the repository is named after, if there is one; else those least deep."""
    own = plain(repo.rpartition("/")[2])
    named = [group for group in groups if group.model == own]
    if named:
        return named
    top = [group for group in groups if "/" not in group.model]
    return top or groups


def _one_of_each(groups: list[GgufGroup]) -> list[GgufGroup]:
    """The best file of each model."""
    best: dict[str, GgufGroup] = {}
    for group in sorted(groups, key=lambda group: group.quant.rank):
        best.setdefault(group.model, group)
    return [best[model] for model in sorted(best)]


def _reason(quant: Quant, count: int) -> str:
    if count == 1:
        return "the only one there"
    if str(quant) == PREFERRED:
        return f"preferred, of {count}"
    return f"best for a CPU, of {count}; there is no {PREFERRED}"


def _taken(group: GgufGroup, why: str) -> Choice | Refusal:
    if group.missing:
        return Refusal("incomplete", group.missing)
    return Choice("gguf", group.files, group.files, group.quant, why)


def _safetensors(names: Sequence[str], repo: str, config: Mapping[str, Any] | None) -> Choice | Refusal:
    """The safetensors model at the top of a listing."""
    weights, missing = safetensors_files(names)
    if (weights or missing) and is_mlx(repo, config):
        return Refusal("mlx")
    if "config.json" not in names or not (weights or missing):
        pieces = tuple(sorted(name for name in names if is_raw_piece(name)))
        return Refusal("incomplete", pieces) if pieces else _no_weights(names)
    if missing:
        return Refusal("incomplete", missing)
    if not any(name in names for name in TOKENIZERS):
        return Refusal("no-tokenizer")
    files = tuple(sorted((*beside_weights(names), *weights)))
    return Choice("safetensors", files, weights, UNKNOWN, "the weights in safetensors")


def _no_weights(names: Sequence[str]) -> Refusal:
    """There is no model: what comes nearest to one is named, weights in a form that is not read."""
    endings = (".bin", ".pth", ".pt", ".ckpt", ".h5", ".msgpack", ".onnx", ".safetensors", ".gguf")
    return Refusal("no-weights", tuple(name for name in names if name.lower().endswith(endings)))
