"""`spnl cache`: what `--cache` has kept, and emptying it."""

from __future__ import annotations

import click

from spnl.commands.showing import put
from spnl.models.files import size_of
from spnl.stores.cache import cache_path, clear, contents


@click.command()
@click.argument("action", type=click.Choice(["info", "clear"]), default="info", required=False)
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object (info).")
def command(action: str, as_json: bool) -> None:
    """Show what `--cache` has kept, or clear it.

    The cache holds replies in clear text, and digests of what was asked. It is bounded: replies that were not
    used for longest make room for new ones. Models are not in it.

    \b
    spnl cache info
    spnl cache clear
    """
    path = cache_path()
    if action == "clear":
        clear(path)
        return
    found = contents(path)
    if as_json:
        import json

        put(json.dumps({"path": path, **found.as_dict()}, ensure_ascii=False, indent=2))
    else:
        replies = "1 reply" if found.replies == 1 else f"{found.replies} replies"
        put(f"{path}\n{replies}, {size_of(found.size)} of at most {size_of(found.limit)}")
