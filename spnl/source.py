"""Where program text comes from: sources, and spans within them.

The lowest layer: imports only `errors` of this project. Every syntax node, query node and error that
has a place in a program carries a `Span`.
"""

from __future__ import annotations

from bisect import bisect_right
from os import PathLike, fspath, path
from typing import Any, NamedTuple

from spnl.errors import ProgramError

MAX_SOURCE_BYTES = 64 * 1024 * 1024
"""Largest program file that is read, in bytes: a guard against naming a model file by mistake."""


class Source:
    """One piece of program text: its name for messages, its text, and the folder it stands in.

    `text` has `\\n` line ends and no byte-order mark. `folder` is what relative paths in the program
    are relative to: the folder of a file, the working directory (`""`) for anything else.
    Sources compare by identity.
    """

    __slots__ = ("_line_starts", "folder", "name", "text")

    def __init__(self, name: str, text: str, folder: str = "") -> None:
        self.name = name
        self.text = _with_newlines(text)
        self.folder = folder
        self._line_starts: list[int] | None = None

    @classmethod
    def from_bytes(cls, name: str, data: bytes, folder: str = "") -> Source:
        """Decode UTF-8 program text; a `ProgramError` `not-utf-8` names the line that is not."""
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise ProgramError(
                "not-utf-8",
                f"{name} is not UTF-8 text: byte 0x{data[error.start]:02x} on line {line}",
                helps=("save the file as UTF-8",),
            ) from None
        return cls(name, text.removeprefix("\ufeff"), folder)

    @classmethod
    def from_file(cls, file: str | PathLike[str]) -> Source:
        """Read a program file; `ProgramError` says what hinders it."""
        name = fspath(file)
        return cls.from_bytes(name, read_bytes(name), path.dirname(name))

    def position(self, offset: int) -> tuple[int, int]:
        """The line and column (both from 1, columns in code points) of an offset into `text`."""
        starts = self._starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its line end."""
        starts = self._starts()
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end]

    def _starts(self) -> list[int]:
        if self._line_starts is None:
            starts = [0]
            at = self.text.find("\n")
            while at != -1:
                starts.append(at + 1)
                at = self.text.find("\n", at + 1)
            self._line_starts = starts
        return self._line_starts

    def __repr__(self) -> str:
        return f"Source({self.name!r}, {len(self.text)} characters)"


class Span(NamedTuple):
    """A half-open range of offsets, in code points, within one source."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The program text that the span covers."""
        return self.source.text[self.start : self.end]

    def __str__(self) -> str:
        line, column = self.source.position(self.start)
        return f"{self.source.name}:{line}:{column}"

    def as_dict(self) -> dict[str, Any]:
        """Where the span begins, as records have it; lines and columns count from 1."""
        line, column = self.source.position(self.start)
        return {"file": self.source.name, "line": line, "column": column}


def _with_newlines(text: str) -> str:
    """Line ends as `\\n`, so that columns, strings and text blocks mean the same on every platform."""
    return text.replace("\r\n", "\n") if "\r" in text else text


def read_bytes(path: str) -> bytes:
    """The bytes of a program file; `ProgramError` says what hinders it."""
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from None
    except ValueError:  # a path that no file can have: it holds a NUL, or half a character
        raise ProgramError(
            "no-such-file", f"there is no program file {path}", helps=("check the path",)
        ) from None
    if len(data) > MAX_SOURCE_BYTES:
        raise ProgramError(
            "too-large",
            f"{path} is larger than a program can be ({MAX_SOURCE_BYTES >> 20} MiB)",
            helps=("check that this is a spnl program",),
        )
    return data


def _unreadable(path: str, error: OSError) -> ProgramError:
    if isinstance(error, FileNotFoundError):
        return ProgramError("no-such-file", f"there is no program file {path}", helps=("check the path",))
    if isinstance(error, IsADirectoryError):
        return ProgramError("not-a-file", f"{path} is a folder, not a program file")
    reason = error.strerror or type(error).__name__
    return ProgramError("unreadable-file", f"{path} cannot be read: {reason.lower()}")
