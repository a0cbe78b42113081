"""`spnl show`: what a model is, without loading it."""

from __future__ import annotations

import os

import click

from spnl.backends.mistralrs.native import choose_device
from spnl.commands.parameters import ModelName
from spnl.commands.showing import count_of, put
from spnl.config import read_config, settle
from spnl.errors import ModelError
from spnl.models.description import Description, describe
from spnl.models.files import size_of, with_home
from spnl.models.names import HERE, split_adapter
from spnl.models.naming import resolve_model


@click.command()
@click.argument("model", metavar="MODEL", type=ModelName())
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
def command(model: str, as_json: bool) -> None:
    """Show what a model on this machine is: its size, its context, and what it takes.

    MODEL is a name as programs use it, or a path. Only headers are read: no weights are loaded, and no
    network is asked.

    \b
    spnl show tiny
    spnl show ./model.gguf --json
    """
    name = resolve_model(model, read_config(os.environ))
    if name.backend != HERE:
        raise ModelError(
            "no-backend",
            f"{model} is not a model of this machine",
            helps=("models on this machine are named `mistralrs/…`",),
        )
    found = describe(split_adapter(name.rest)[0])
    refusal = found.refusal(choose_device(settle(os.environ)))
    if as_json:
        import json

        put(json.dumps(_as_data(found, refusal), ensure_ascii=False, indent=2))
    else:
        rows = _rows(found, refusal)
        put("\n".join(f"{label:<14} {value}" for label, value in rows if value))


def _as_data(found: Description, refusal: ModelError | None) -> dict[str, object]:
    return {
        "name": found.model.name,
        "architecture": found.architecture,
        "parameters": found.parameters,
        "quantisation": found.quantisation,
        "context": found.context,
        "chat_template": found.has_chat_template,
        "roles": list(found.roles or ()),
        "files": [str(file) for file in found.model.files],
        "size": found.model.size,
        "missing_bytes": found.missing_bytes,
        "runs": refusal is None and not found.missing_bytes,
        "refusal": refusal.message if refusal is not None else None,
    }


def _rows(found: Description, refusal: ModelError | None) -> list[tuple[str, str]]:
    """Labels with what is known; an empty text where it is not."""
    first, *others = [with_home(file) for file in found.model.files]
    template = "yes" if found.has_chat_template else "no: it completes plain text"
    missing = f"cut off: {size_of(found.missing_bytes)} are missing" if found.missing_bytes else ""
    return [
        ("name", found.model.name),
        ("architecture", found.architecture or "unknown"),
        ("parameters", f"{count_of(found.parameters)} ({found.parameters:,})"),
        ("quantisation", found.quantisation or "unknown"),
        ("context", f"{found.context:,} tokens" if found.context is not None else "unknown"),
        ("chat template", template),
        ("roles", ", ".join(found.roles or ())),
        ("size", size_of(found.model.size)),
        ("damage", missing),
        (
            "runs here",
            "yes" if refusal is None and not missing else f"no: {refusal.message if refusal else missing}",
        ),
        ("chosen", found.model.why),
        ("files", first),
        *(("", other) for other in others),
    ]
