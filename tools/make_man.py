"""Write `docs/spnl.1`, the manual page, from each command's help: `python tools/make_man.py`.

One page holds all commands. A test makes it again and compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from pathlib import Path
from typing import Final

import click

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "spnl.1"

FILES: Final = (
    ("~/.config/spnl/config.toml", "The configuration, where SPNL_CONFIG names no other; see `spnl config`."),
    ("~/.cache/huggingface/hub", "Models that were fetched, where HF_HOME and HF_HUB_CACHE name no other."),
    ("~/.cache/spnl", "What can be made again: replies that --cache keeps."),
    ("~/.local/state/spnl", "The session's history, and what brings back one that was killed."),
)
"""Where spnl keeps its files on Linux, and what they are."""


ESCAPES: Final = {
    "\\": r"\e",
    "-": r"\-",
    "'": r"\(aq",
    "`": r"\(ga",
    "^": r"\(ha",
    "~": r"\(ti",
    "…": r"\&...",
}
"""What troff would read otherwise, or draw as something else."""


def man_page() -> str:
    """The text of the manual page."""
    from spnl.cli import COMMANDS, spnl

    context = click.Context(spnl, info_name="spnl")
    lines = [
        '.TH SPNL 1 "" spnl "User Commands"',
        ".SH NAME",
        "spnl \\- run programs that use language models",
    ]
    lines += [".SH SYNOPSIS", ".B spnl", r"[\fICOMMAND\fR] [\fIOPTION\fR]... [\fIARGUMENT\fR]..."]
    lines += [".SH DESCRIPTION", *_about(spnl), *_options(spnl, context), ".SH COMMANDS"]
    for name in COMMANDS:
        command = spnl.get_command(context, name)
        assert command is not None
        inner = click.Context(command, parent=context, info_name=name)
        pieces = command.collect_usage_pieces(inner)
        lines += [
            f".SS {_text(' '.join(['spnl', name, *pieces]))}",
            *_about(command),
            *_options(command, inner),
        ]
    lines += [".SH EXIT STATUS", *_terms(_exit_codes())]
    lines += [".SH ENVIRONMENT", *_terms(_variables()), ".SH FILES", *_terms(FILES)]
    return "\n".join(lines) + "\n"


def _about(command: click.Command) -> Iterator[str]:
    """What a command does; the lines of a paragraph that begins with click's mark are examples."""
    for paragraph in cleandoc(command.help or "").split("\n\n"):
        yield ".PP"
        if paragraph.startswith("\b"):
            yield from (".nf", *map(_text, paragraph.split("\n")[1:]), ".fi")
        else:
            yield from map(_text, paragraph.split("\n"))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = [param.get_help_record(context) for param in command.get_params(context)]
    return _terms(record for record in records if record is not None and record[1])


def _terms(terms: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Words, each with what it means."""
    for term, meaning in terms:
        yield from (".TP", rf"\fB{_text(term)}\fR", _text(meaning))


def _exit_codes() -> Iterator[tuple[str, str]]:
    """The table at the head of the page on errors."""
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    for code, meaning in re.findall(r"^\| (\d+) \| (.*) \|$", page, re.MULTILINE):
        yield code, _plain(meaning)


def _variables() -> Iterator[tuple[str, str]]:
    """The environment variables that are read."""
    from spnl.settings import VARIABLES
    from tools.make_docs import VARIABLES_OF_COMMAND

    for row in VARIABLES_OF_COMMAND:
        _, names, meaning, takes, _ = row.split("|")
        yield _plain(names), f"{_plain(meaning)} It takes {_plain(takes)}."
    for variable in VARIABLES:
        yield variable.name, _plain(f"{variable.meaning} It takes {variable.accepts}.")


def _plain(text: str) -> str:
    """Text without the marks of Markdown."""
    return re.sub(r" \(\[[^\]]*\]\([^)]*\)\)", "", text).replace("`", "").strip()


def _text(text: str) -> str:
    """A line as troff takes it: nothing in it is a request or an escape."""
    text = "".join(ESCAPES.get(character, character) for character in text)
    return rf"\&{text}" if text.startswith(".") else text


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(man_page(), encoding="utf-8", newline="\n")
