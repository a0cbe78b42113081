"""A plain way to type: one line after another, for terminals that can do no more, and for pipes.

What is read as an entry is what the reader says is complete; prompts go to stderr where a person reads them.
"""

from __future__ import annotations

from typing import TextIO

from spnl.console import Console
from spnl.repl.entries import is_complete
from spnl.repl.session import Session

PROMPT = "spnl> "
MORE = "  ... "


def run_lines(session: Session, stdin: TextIO) -> None:
    """Take entries from a stream until it ends, or the session does."""
    reader = LineReader(session.console, stdin)
    session.ask = reader.ask
    while (entry := reader.entry(session)) is not None:
        if not session.enter(entry):
            return


class LineReader:
    """Reads entries from a stream of lines."""

    def __init__(self, console: Console, stdin: TextIO) -> None:
        self._console = console
        self._stdin = stdin
        self._prompts = stdin.isatty()

    def entry(self, session: Session) -> str | None:
        """The next entry; None at the end. What the stream ends within is an entry, too: it is an error."""
        lines: list[str] = []
        while True:
            try:
                line = self.line(MORE if lines else PROMPT)
            except KeyboardInterrupt:
                self._console.say("")
                lines.clear()
                continue
            if line is None:
                if self._prompts:
                    self._console.say("")
                return "".join(lines) or None
            lines.append(line)
            if is_complete("".join(lines), session.chat):
                return "".join(lines)

    def line(self, prompt: str) -> str | None:
        """One line with its end, None where there is no more."""
        if self._prompts:
            self._console.put(prompt)
        return self._stdin.readline() or None

    def ask(self, prompt: str) -> str | None:
        """The person's answer to a question of a program."""
        self._console.put_safely(prompt if prompt[-1:].isspace() else f"{prompt} ")
        line = self._stdin.readline()
        return line.removesuffix("\n") if line else None
