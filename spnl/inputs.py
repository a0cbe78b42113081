"""What programs take from outside while they are expanded: files, stdin, the environment, a person's answers.

`Inputs` is the real thing. `Unasked` stands in for it where a program is judged and not run: it reads
regular files only, and asks nobody. What it cannot know becomes an `Unknown` text.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from typing import BinaryIO, TextIO

from spnl.errors import ProgramError
from spnl.files import StreamText, decoded, located, mode_of, text_of
from spnl.lazy import LazyText
from spnl.query import Deferred, Query, Ref, children
from spnl.source import Source, Span
from spnl.values import Value
from spnl.visible import visible


class Inputs:
    """Where a program's data come from. What is left out is this process's own.

    `program_on_stdin` says that there is nothing else to read there.
    """

    def __init__(
        self,
        stdin: BinaryIO | None = None,
        stderr: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
        *,
        program_on_stdin: bool = False,
    ) -> None:
        self._stdin = stdin
        self._program_on_stdin = program_on_stdin
        self._stderr = stderr
        self._environ = environ
        self._stdin_text: LazyText | None = None

    def file(self, path: str, folder: str, span: Span) -> Value:
        """The text of a regular file or a pipe; a relative path is relative to `folder`."""
        return text_of(path, folder, span)

    def program(self, path: str, folder: str, span: Span) -> Source:
        """The text of a program to import."""
        target = located(path, folder)
        return Source(target, text_of(path, folder, span).read(), os.path.dirname(target))

    def stdin(self, span: Span) -> Value:
        """The text that comes in through stdin."""
        if self._stdin_text is None:
            stream = self._stream()
            if stream is None:
                came = "the program itself came that way" if self._program_on_stdin else "it is closed"
                raise ProgramError(
                    "no-stdin",
                    f"there is nothing to read from stdin: {came}",
                    span=span,
                    helps=("give the program as a file or with `-c`, and its data through a pipe",),
                )
            self._stdin_text = StreamText("stdin", lambda: stream, span, keep_open=True)
        return self._stdin_text

    def ask(self, prompt: str, span: Span) -> Value | None:
        """The line that a person types at a terminal; None where nobody is there to."""
        stream = self._stream()
        if stream is None or not stream.isatty():
            return None
        stderr = self._stderr if self._stderr is not None else sys.stderr
        shown = visible(prompt) if stderr.isatty() else prompt
        stderr.write(shown if shown[-1:].isspace() else f"{shown} ")
        stderr.flush()
        line = stream.readline()
        return decoded(line, "this answer", span).removesuffix("\n") if line else None

    def variable(self, name: str) -> Value | None:
        """An environment variable; None where it is not set."""
        return (self._environ if self._environ is not None else os.environ).get(name)

    def unknown(self, what: str, span: Span) -> Value | None:
        """What stands in for a text that is not there; None where that is an error."""
        return None

    def _stream(self) -> BinaryIO | None:
        if self._program_on_stdin or self._stdin is not None:
            return None if self._program_on_stdin else self._stdin
        return sys.stdin.buffer if sys.stdin is not None else None


class Unknown(Deferred):
    """A text that only a run of the program can know: what somebody will type. Never executed."""

    @classmethod
    def text(cls, name: str, span: Span) -> Unknown:
        """The unknown text that the form `name` gives."""
        return cls("apply", name, (), _never, span=span, gives="text")


def rests_on_unknown(query: Query) -> bool:
    """Whether a value depends on an unknown one, so that nothing can be said of it."""
    stack = [query]
    while stack:
        node = stack.pop()
        if isinstance(node, Unknown):
            return True
        stack.extend((node.bind.value,) if isinstance(node, Ref) else children(node))
    return False


class Unasked(Inputs):
    """Reads no stdin, no pipe and no variable, and asks nobody: each is an `Unknown` text."""

    def file(self, path: str, folder: str, span: Span) -> Value:
        """The text of a regular file; that of a pipe is unknown."""
        if mode_of(located(path, folder), path, span) == stat.S_IFIFO:
            return Unknown.text("file", span)
        return super().file(path, folder, span)

    def program(self, path: str, folder: str, span: Span) -> Source:
        """The text of a program to import, from a regular file only."""
        if mode_of(located(path, folder), path, span) == stat.S_IFIFO:
            raise ProgramError("not-a-file", f"{path} is a pipe, which is not read here", span=span)
        return super().program(path, folder, span)

    def stdin(self, span: Span) -> Value:
        """Unknown."""
        return Unknown.text("stdin", span)

    def ask(self, prompt: str, span: Span) -> Value | None:
        """Unknown."""
        return Unknown.text("ask", span)

    def variable(self, name: str) -> Value | None:
        """Never set: the machine that runs the program may be another."""
        return None

    def unknown(self, what: str, span: Span) -> Value | None:
        """An unknown text."""
        return Unknown.text(what, span)


def _never(values: tuple[Value, ...]) -> Value:
    raise AssertionError("what is unknown is never executed")
