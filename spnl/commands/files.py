"""Files that a command is given for different purposes: none of them may be another."""

from __future__ import annotations

import os

from spnl.errors import UsageError


def refuse_same_file(**given: str | None) -> None:
    """`UsageError` `bad-option` where two files are the same, of which one would be lost.

    Files are named by what they are for, `_` for a space; None and what is no file (a terminal, `/dev/null`)
    are passed over.
    """
    seen: dict[str, str] = {}
    for purpose, path in given.items():
        if path is None or path == "-" or (os.path.exists(path) and not os.path.isfile(path)):
            continue
        place = os.path.realpath(path)
        what = purpose.replace("_", " ")
        if place in seen:
            raise UsageError(
                "bad-option",
                f"{path} is given both as {seen[place]} and as {what}: one would be written over the other",
                helps=("name two files",),
            )
        seen[place] = what
