"""What the formatter would change, as a unified diff.

Imports nothing of this project.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

HEADER: Final = 2
"""How many lines of a diff name the files."""


def differences(name: str, before: bytes, after: bytes) -> list[str]:
    """The lines of a unified diff, without their ends; none where nothing differs."""
    from difflib import unified_diff

    lines = unified_diff(_lines(before), _lines(after), name, name, lineterm="")
    return "\n".join(lines).split("\n") if before != after else []


def colored(diff: Sequence[str]) -> Iterator[str]:
    """The lines of a diff in the usual colours."""
    from colorama import Fore, Style

    colors = {"-": Fore.RED, "+": Fore.GREEN, "@": Fore.CYAN}
    for index, line in enumerate(diff):
        color = Style.BRIGHT if index < HEADER else colors.get(line[:1])
        yield f"{color}{line}{Style.RESET_ALL}" if color else line


def _lines(data: bytes) -> list[str]:
    """The lines of a file without their ends. Where the last has none, a second line of its own says so."""
    *lines, last = data.decode("utf-8", "replace").split("\n")
    return [*lines, f"{last}\n\\ No newline at end of file"] if last else lines
