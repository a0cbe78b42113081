"""Makes errors of refusals: what is wrong with the files of a model, and what to use instead.

Imports errors and the modules about names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from spnl.errors import ModelError
from spnl.models.choice import Refusal
from spnl.models.mlx import original_name

_LISTED = 8
_LOOKED_FOR = "a folder holds a model as config.json and *.safetensors, or as one *.gguf file"


def refuse(refusal: Refusal, what: str, *, is_folder: bool, names: Sequence[str] = ()) -> ModelError:
    """The error for a refusal.

    `what` is the model's name, or the path of a folder; `names` are the files that there are.
    """
    match refusal.kind:
        case "mlx":
            return mlx_model(what)
        case "unsupported-quantisation":
            return _unsupported(refusal, what, is_folder)
        case "no-tokenizer":
            return ModelError(
                "no-tokenizer",
                f"{what} comes without a tokenizer that the engine can use",
                notes=("beside safetensors, it is tokenizer.json",),
                helps=(f"use a copy of the model with its tokenizer, or a GGUF file of it: {_ggufs(what)}",),
            )
        case "ambiguous":
            return ModelError(
                "not-a-model",
                f"{what} holds {len(refusal.names)} models",
                helps=(f"name one of them: {_named(refusal.names, what, is_folder)}",),
            )
        case "incomplete":
            return _incomplete(refusal, what)
        case "no-such-file":
            helps = (f"what is there: {listing(refusal.names)}",) if refusal.names else ()
            return ModelError("no-such-model", f"there is no {refusal.asked} of {what} here", helps=helps)
        case "no-weights":
            return _no_weights(refusal, what, is_folder, names)


def mlx_model(what: str) -> ModelError:
    """The error for a model that is quantised for MLX."""
    return ModelError(
        "unsupported-model",
        f"{what} is quantised for MLX, which the engine cannot read",
        helps=(f"use a GGUF file of the same model: {_ggufs(what)}", "or the original model, in safetensors"),
    )


def listing(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _unsupported(refusal: Refusal, what: str, is_folder: bool) -> ModelError:
    if refusal.asked:
        other = f"what is there: {listing(refusal.names)}" if refusal.names else "IQ types are not supported"
        message = f"the engine cannot run {what} in {refusal.asked}"
        return ModelError("unsupported-model", message, helps=(other,))
    return ModelError(
        "unsupported-model",
        f"the engine cannot run weights quantised as those of {what} are",
        notes=(f"there are {listing([_last(name) for name in refusal.names])}",),
        helps=("use a file of another quantisation, as Q4_K_M or Q8_0; IQ types are not supported",),
    )


def _incomplete(refusal: Refusal, what: str) -> ModelError:
    if not refusal.names[0].lower().endswith((".gguf", ".safetensors")):
        return ModelError(
            "damaged-model",
            f"{what} is there in pieces only: {listing(refusal.names)}",
            helps=("join the pieces into one .gguf file, in their order, and give its path",),
        )
    return ModelError(
        "damaged-model",
        f"parts of {what} are missing",
        notes=(f"not there: {listing(refusal.names)}",),
        helps=("fetch the missing parts into the same folder",),
    )


def _no_weights(refusal: Refusal, what: str, is_folder: bool, names: Sequence[str]) -> ModelError:
    pickles = [name for name in refusal.names if name.endswith((".bin", ".pth", ".pt", ".ckpt"))]
    if pickles:
        return ModelError(
            "not-a-model",
            f"{what} has its weights as PyTorch pickles only, which are not read: they can run code",
            notes=(f"there is {listing(pickles)}",),
            helps=(f"use a copy in safetensors, or a GGUF file of the same model: {_ggufs(what)}",),
        )
    if any(name.startswith("adapter_") for name in refusal.names):
        return ModelError(
            "not-a-model",
            f"{what} is an adapter, not a model",
            helps=("use the model that it was made for, or a copy with the adapter merged into it",),
        )
    there = f"it holds {listing(list(names))}" if names else "it is empty"
    place = what if is_folder else f"what is on this machine of {what}"
    return ModelError("not-a-model", f"there is no model in {place}", notes=(_LOOKED_FOR, there))


def _named(names: Sequence[str], what: str, is_folder: bool) -> str:
    return listing([f"{what}/{name}" for name in names])


def _ggufs(what: str) -> str:
    """Where publishers put GGUF files of the model, as far as its name tells."""
    name = re.sub(r"[-._]gguf$", "", original_name(what), flags=re.IGNORECASE)
    return f"publishers call it {name}-GGUF, as `bartowski/{name}-GGUF`, `unsloth/{name}-GGUF`"


def _last(name: str) -> str:
    return name.rpartition("/")[2]
