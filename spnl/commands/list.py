"""`spnl list`: the models on this machine."""

from __future__ import annotations

import os

import click

from spnl.commands.showing import aligned, put
from spnl.models.cache import cache_folder
from spnl.models.files import size_of, with_home
from spnl.models.inventory import Listed, models_here
from spnl.models.local import BUNDLED_FILE


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write a JSON array.")
def command(as_json: bool) -> None:
    """List the models on this machine, under the names that programs can use.

    These are the bundled model, those in the Hugging Face cache, and those in folders of the configuration,
    of LM Studio and of llama.cpp. Nothing is loaded, and no network is asked.

    \b
    spnl list
    spnl list --json
    """
    models = list(models_here(cache_folder(os.environ)))
    if as_json:
        import json

        put(json.dumps([_as_data(model) for model in models], ensure_ascii=False, indent=2))
    else:
        rows = [("NAME", "SIZE", "QUANTISATION", "CONTEXT", "WHERE"), *map(_row, models)]
        put("\n".join(aligned(rows)))


def _as_data(model: Listed) -> dict[str, object]:
    return {
        "name": model.name,
        "size": model.size,
        "quantisation": model.quantisation,
        "context": model.context,
        "path": str(model.path),
    }


def _row(model: Listed) -> tuple[str, ...]:
    where = "comes with spnl" if model.path == BUNDLED_FILE else with_home(model.path)
    context = str(model.context) if model.context is not None else "-"
    return (model.name, size_of(model.size), model.quantisation or "-", context, where)
