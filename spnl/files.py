"""The files that programs name: regular files and pipes, read whole or line by line, up to a limit."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from spnl.errors import ProgramError, did_you_mean
from spnl.lazy import LazyText
from spnl.source import Span

MAX_TEXT_BYTES = 256 * 1024 * 1024
"""Largest file that becomes one text, and longest line, in bytes: far more than any model's context holds."""


class FileText(LazyText):
    """The text of a regular file, which is opened anew each time it is read line by line."""

    __slots__ = ("_span", "_target")

    def __init__(self, name: str, target: str, span: Span) -> None:
        super().__init__(name)
        self._target = target
        self._span = span

    def _read(self) -> str:
        with _opened(self._target, self.name, self._span) as file:
            return decoded(_limited(file, self.name, self._span), self.name, self._span)

    def _lines(self) -> Iterator[str]:
        with _opened(self._target, self.name, self._span) as file:
            yield from _decoded_lines(_byte_lines(file, self.name, self._span), self.name, self._span)


class StreamText(LazyText):
    """The text of a pipe, which can be read only once: what was read line by line is kept.

    `span` is where a program reads it, for errors; None where no program does.
    """

    __slots__ = ("_at_end", "_file", "_keep_open", "_open", "_seen", "_span")

    def __init__(
        self, name: str, open: Callable[[], BinaryIO], span: Span | None, keep_open: bool = False
    ) -> None:
        super().__init__(name)
        self._open = open
        self._file: BinaryIO | None = None
        self._seen: list[bytes] = []
        self._at_end = False
        self._keep_open = keep_open
        self._span = span

    def _read(self) -> str:
        with _reading(self.name, self._span):
            rest = b"" if self._at_end else _limited(self._opened(), self.name, self._span)
        self._end()
        return decoded(b"".join([*self._seen, rest]), self.name, self._span)

    def _lines(self) -> Iterator[str]:
        return _decoded_lines(self._all_lines(), self.name, self._span)

    def _all_lines(self) -> Iterator[bytes]:
        yield from self._seen
        if not self._at_end:
            with _reading(self.name, self._span):
                for line in _byte_lines(self._opened(), self.name, self._span):
                    self._seen.append(line)
                    yield line
            self._end()

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = self._open()
        return self._file

    def __del__(self) -> None:
        self._end()  # a pipe of which nobody wanted the rest

    def _end(self) -> None:
        self._at_end = True
        if self._file is not None and not self._keep_open:
            self._file.close()


def text_of(path: str, folder: str, span: Span) -> LazyText:
    """The text of the file at `path`, to be read later. `ProgramError` where it cannot be opened now."""
    target = located(path, folder)
    if mode_of(target, path, span) == stat.S_IFIFO:
        return StreamText(path, lambda: open(target, "rb"), span)
    with _opened(target, path, span):
        return FileText(path, target, span)


def located(path: str, folder: str) -> str:
    """Where the file is that a program in `folder` calls `path`."""
    return os.path.join(folder, os.path.expanduser(path))


def mode_of(target: str, path: str, span: Span) -> int:
    """What a path leads to: `stat.S_IFREG`, or `stat.S_IFIFO` for a pipe. Anything else is refused here,
    before a read could block or never end."""
    with _reading(path, span, target):
        mode = stat.S_IFMT(os.stat(target).st_mode)
        if mode == stat.S_IFDIR:
            raise IsADirectoryError
    if mode not in (stat.S_IFREG, stat.S_IFIFO):
        raise ProgramError(
            "not-a-file", f"{path} is neither a file nor a pipe", span=span, helps=("name a file",)
        )
    return mode


def decoded(data: bytes, name: str, span: Span | None, first_line: int = 1) -> str:
    """UTF-8 as text, without a byte-order mark and with `\\n` line ends. `ProgramError` otherwise."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = first_line + data.count(b"\n", 0, error.start)
        raise ProgramError(
            "not-utf-8",
            f"{name} is not UTF-8 text: byte 0x{data[error.start]:02x} on line {line}",
            span=span,
            helps=("convert it: `iconv -f LATIN1 -t UTF-8`, say",),
        ) from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _decoded_lines(lines: Iterator[bytes], name: str, span: Span | None) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            decoded(line, name, span, number)  # raises, and says where
            raise
        if number == 1:
            text = text.removeprefix("\ufeff")
        yield text[:-2] if text.endswith("\r\n") else text[:-1] if text.endswith("\n") else text


def _byte_lines(file: BinaryIO, name: str, span: Span | None) -> Iterator[bytes]:
    while line := file.readline(MAX_TEXT_BYTES + 1):
        if len(line) > MAX_TEXT_BYTES:
            raise _too_large(f"a line of {name}", span, "check that it is a file of lines")
        yield line


def _limited(file: BinaryIO, name: str, span: Span | None) -> bytes:
    data = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise _too_large(name, span, f'read it line by line: `(lines (file "{name}"))`')
    return data


def _too_large(what: str, span: Span | None, advice: str) -> ProgramError:
    limit = f"{MAX_TEXT_BYTES >> 20} MiB"
    return ProgramError(
        "too-large", f"{what} is larger than one text can be ({limit})", span=span, helps=(advice,)
    )


@contextmanager
def _opened(target: str, name: str, span: Span | None) -> Iterator[BinaryIO]:
    with _reading(name, span, target), open(target, "rb") as file:
        yield file


@contextmanager
def _reading(name: str, span: Span | None, target: str | None = None) -> Iterator[None]:
    """What the system says against reading becomes a `ProgramError` at `span`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise _unreadable(name, target, error, span) from None


def _unreadable(
    name: str, target: str | None, error: OSError | ValueError, span: Span | None
) -> ProgramError:
    """Why a file that a program names cannot be read, and what is near."""
    if isinstance(error, FileNotFoundError) and target is not None:
        near = did_you_mean(os.path.basename(target), _names_beside(target))
        in_file = span is not None and span.source.name[:1] not in ("-", "<")  # `-c`, `<stdin>` and entries
        base = "the program's own folder" if in_file else "the working directory"
        return ProgramError(
            "no-such-file",
            f"there is no file {name}",
            span=span,
            notes=(f"looked for {os.path.abspath(target)}",),
            helps=near or (f"check the path: it is relative to {base}",),
        )
    if isinstance(error, IsADirectoryError):
        return ProgramError("not-a-file", f"{name} is a folder", span=span, helps=("name a file in it",))
    # A ValueError is a path that no system takes: one with a NUL in it.
    reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
    return ProgramError("unreadable-file", f"{name} cannot be read: {reason}", span=span)


def _names_beside(target: str) -> list[str]:
    try:
        return os.listdir(os.path.dirname(target) or ".")
    except OSError:
        return []
