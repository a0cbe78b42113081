"""The table of `:` commands, which `:help` and completion are read from.

A command is one function, `@command("model", "[NAME]", completes="models")`, that is given the session and
the rest of the line. The first line of its docstring is its help.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from spnl.errors import UsageError, did_you_mean
from spnl.frozen import Frozen
from spnl.repl.entries import COMMAND
from spnl.source import Source, Span

if TYPE_CHECKING:
    from spnl.repl.session import Session

Completes = Literal["models", "files", "forms", "settings", "commands", "code", "words", "nothing"]
"""What stands after a command, for completion."""

Function = Callable[["Session", str], None]


class Command(Frozen):
    """One command: its name, what is written after it, and what that is completed with."""

    name: str
    usage: str
    completes: Completes
    words: tuple[str, ...]
    function: Function

    @property
    def help(self) -> str:
        """What the command does, in one line."""
        return (self.function.__doc__ or "").splitlines()[0]


COMMANDS: dict[str, Command] = {}
"""Every command by its name, in the order of `:help`."""


def command(
    name: str, usage: str = "", *, completes: Completes = "nothing", words: tuple[str, ...] = ()
) -> Callable[[Function], Function]:
    """Register a command."""

    def register(function: Function) -> Function:
        COMMANDS[name] = Command(name, usage, completes, words, function)
        return function

    return register


def find(word: str, line: str = "") -> Command:
    """The command of a name, or of the beginning of one name only."""
    if word in COMMANDS:
        return COMMANDS[word]
    begin = [name for name in COMMANDS if word and name.startswith(word)]
    if len(begin) == 1:
        return COMMANDS[begin[0]]
    near = did_you_mean(word, COMMANDS)
    helps = [text.replace("`", "`:", 1) for text in near]
    if begin:
        helps = [f"did you mean {' or '.join(f'`:{name}`' for name in begin)}?"]
    source = Source("<command>", line or f"{COMMAND}{word}")
    raise UsageError(
        "unknown-command",
        f"there is no command `:{word}`",
        span=Span(source, 0, len(word) + 1),
        helps=helps or ("see `:help`",),
    )
