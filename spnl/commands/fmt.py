"""`spnl fmt`: programs rewritten in their canonical layout."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import click

from spnl.commands.parameters import FileName
from spnl.commands.showing import put_as_it_is
from spnl.console import ColorMode, Console
from spnl.errors import ProgramError, SpnlError, UsageError
from spnl.formatting import format_program
from spnl.output_file import OutputFile
from spnl.source import Source, read_bytes
from spnl.visible import visible

STDIN = "-"
EXIT_FOUND_WORK = 1


class Layout(NamedTuple):
    """A program as it is and as it should be. `name` is for messages."""

    name: str
    before: bytes
    after: bytes

    @property
    def changed(self) -> bool:
        """Whether the canonical layout differs from the program's own."""
        return self.before != self.after


@click.command()
@click.argument("files", nargs=-1, metavar="FILE…", type=FileName())
@click.option("--check", is_flag=True, help="Write nothing; name the files that would change, and exit 1.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour the differences."
)
@click.option("-q", "--quiet", is_flag=True, help="No notices on stderr.")
def command(files: tuple[str, ...], check: bool, diff: bool, color: ColorMode, quiet: bool) -> int:
    """Rewrite programs in one canonical layout.

    Comments and the text of strings stay as they are. FILE may be a folder, for every .spnl file inside it,
    or `-`, from stdin to stdout. A file that is laid out well is not touched.

    \b
    spnl fmt program.spnl
    spnl fmt --check .
    spnl fmt --diff program.spnl
    """
    if not files:
        raise UsageError("bad-option", "there is nothing to format", helps=("give a FILE, a folder or `-`",))
    console = Console(color, quiet=quiet)
    code = changed = 0
    for path in _programs(files, console):
        try:
            if isinstance(path, OSError):
                raise _unreadable_folder(path)
            layout = _layout(path)
            changed += layout.changed
            _tell(layout, console, check, diff)
            if not (check or diff):
                _write(layout, path, console)
        except SpnlError as error:
            _draw(error, console)
            code = max(code, error.exit_code)
    if check and changed:
        console.notice(f"{changed} {'file' if changed == 1 else 'files'} would change")
        code = max(code, EXIT_FOUND_WORK)
    return code


def _programs(files: Iterable[str], console: Console) -> Iterator[str | OSError]:
    """The program files that a command line names, and why a folder cannot be looked into."""
    for named in files:
        if os.path.isdir(named):
            found = list(_inside(named))
            if not found:
                console.notice(f"there is no .spnl file in {named}")
            yield from found
        else:
            yield named


def _inside(named: str) -> Iterator[str | OSError]:
    """The program files in a folder and those inside it, in order, without hidden ones."""
    hindered: list[OSError] = []
    for folder, inner, files in os.walk(named, onerror=hindered.append):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(".spnl") and not name.startswith("."):
                yield os.path.join(folder, name)
    yield from hindered


def _unreadable_folder(error: OSError) -> ProgramError:
    reason = (error.strerror or type(error).__name__).lower()
    return ProgramError("unreadable-file", f"the folder {error.filename} cannot be read: {reason}")


def _layout(path: str) -> Layout:
    """Read and format a program. Its line ends stay what the first one is; a byte-order mark goes."""
    if path == STDIN:
        name, data = "<stdin>", b"" if sys.stdin is None else sys.stdin.buffer.read()
    else:
        name, data = path, _regular_file(path)
    text = format_program(Source.from_bytes(name, data, os.path.dirname(path)))
    first_line_end = data.find(b"\n")
    if first_line_end > 0 and data[first_line_end - 1] == ord("\r"):
        text = text.replace("\n", "\r\n")
    return Layout(name, data, text.encode())


def _regular_file(path: str) -> bytes:
    """The bytes of a file that can be rewritten; a pipe or a device cannot."""
    try:
        special = not stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        special = False  # `read_bytes` says what hinders it
    if special:
        raise ProgramError("not-a-file", f"{path} is not a regular file", helps=("write `-` to read stdin",))
    return read_bytes(path)


def _tell(layout: Layout, console: Console, check: bool, diff: bool) -> None:
    """Write to stdout what was asked for: the differences, or else the name of a file that would change."""
    if diff:
        _show(layout, console)
    elif check and layout.changed:
        name = visible(layout.name) if console.stdout_is_terminal else layout.name
        console.stdout.write(f"{name}\n".encode(errors="surrogateescape"))
    console.stdout.flush()


def _show(layout: Layout, console: Console) -> None:
    """Write the differences; on a terminal, what it would obey is shown."""
    from spnl.formatting.differences import colored, differences

    lines = differences(layout.name, layout.before, layout.after)
    if console.stdout_is_terminal:
        lines = list(map(visible, lines))
    if console.stdout_color:
        lines = list(colored(lines))
    console.stdout.write("".join(f"{line}\n" for line in lines).encode(errors="surrogateescape"))


def _write(layout: Layout, path: str, console: Console) -> None:
    """Put the canonical layout in the file's place, if it differs; that of stdin goes to stdout."""
    if path == STDIN:
        put_as_it_is(layout.after.decode("utf-8"))
    elif layout.changed:
        if not os.access(path, os.W_OK):
            raise UsageError(
                "bad-output", f"{path} cannot be written: permission denied", helps=("make it writable",)
            )
        file = OutputFile(path)
        file.write(layout.after)
        file.commit()
        console.notice(f"formatted {path}")


def _draw(error: SpnlError, console: Console) -> None:
    """Show why a file was not formatted; the others still are."""
    from spnl.diagnostics import render

    console.say(render(error, color=console.stderr_color))
