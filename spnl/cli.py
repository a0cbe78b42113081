"""The command `spnl`: finds the subcommand, runs it, and turns what goes wrong into messages and exit codes.

    spnl -c '(g "…")'    spnl program.spnl    … | spnl -    spnl COMMAND …

A first word that is a command is one; anything else is what `spnl run` takes. Commands live in
`spnl.commands`, one module each, imported when they are used.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from spnl.errors import Interrupted, SpnlError, UsageError, did_you_mean, nearest
from spnl.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

EXIT_INTERRUPTED = 130
EXIT_CLOSED = 141
EXIT_BUG = 70
"""`EX_SOFTWARE` of sysexits.h: an error of ours, not of the user's."""

_WRITE_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)

COMMANDS = {
    "run": "run a program (also without the word `run`)",
    "generate": "ask a model one thing, without a program",
    "repl": "type programs and messages, one after another (`spnl` alone on a terminal)",
    "chat": "talk with a model",
    "check": "say what is wrong with programs, without running them",
    "plan": "show what a program would do, without running it",
    "fmt": "rewrite programs in one canonical layout",
    "convert": "turn a program into JSON or YAML, or either into a program",
    "list": "list the models on this machine",
    "show": "show what a model is, without loading it",
    "cache": "show or clear what --cache has kept",
    "bench": "measure how fast models are, one or two side by side",
    "serve": "serve models to other programs, as OpenAI's API",
    "lock": "write down which files the models of a program are",
    "pull": "fetch models from the hub",
    "rm": "remove models from the cache",
    "doctor": "say what is wrong with this installation",
    "config": "show each setting, and where its value comes from",
}
"""Every command, with its line in the overview; `spnl.commands.NAME` has a click command `command`."""


class CommandTable(click.Group):
    """Finds commands by name, imports them on use, and hands everything else to `run`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = import_module(f"spnl.commands.{cmd_name}").command
        return command

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _closed_output_told():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _closed_output_told():
            return super().invoke(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # a shell completes a word: what stands before it may be anything
            return super().parse_args(ctx, args if not args or args[0] in COMMANDS else ["run", *args])
        return super().parse_args(ctx, _with_command(args))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a shell offers for the first word: commands, options, and where there is none, files."""
        from click.shell_completion import CompletionItem

        commands = [
            CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)
        ]
        # Not the group's own way, which imports every command for its line of help.
        found = [*commands, *click.Command.shell_complete(self, ctx, incomplete)]
        return found or [CompletionItem(incomplete, type="file")]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


class _OutputClosed(Exception):
    """Nobody reads stdout any more. Click would take a `BrokenPipeError`, and exit 1."""


@contextmanager
def _closed_output_told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise _OutputClosed from None


def _with_command(args: list[str]) -> list[str]:
    """The arguments with the command spelt out: `run` where the first word is none."""
    first = args[0] if args else ""
    if first in COMMANDS or first in ("--help", "--version"):
        return args
    if not args and sys.stdin is not None and sys.stdin.isatty():
        return ["repl"]
    if first and not first.startswith("-") and not any(mark in first for mark in "./\\"):
        raise _unknown_command(first)
    return ["run", *args]


def _hint_at_order(error: SpnlError, arguments: list[str]) -> None:
    """Say what is wrong where a command's name stands behind an option, and was taken for a program's."""
    for word in arguments[1:]:
        if word in COMMANDS and error.message == f"there is no program file {word}":
            error.helps = (f"options stand behind a command: `spnl {word} …`",)


def _unknown_command(word: str) -> UsageError:
    helps = list(did_you_mean(word, COMMANDS))
    if os.path.exists(word):
        helps.append(f"to run the file of that name, write `spnl ./{word}`")
    return UsageError(
        "unknown-command", f"there is no command `{word}`", helps=helps or ("see `spnl --help`",)
    )


@click.group(cls=CommandTable, context_settings={"help_option_names": ["--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", message="spnl %(version)s")
def spnl() -> None:
    """Run programs that use language models, on your own machine.

    \b
    spnl -c '(g "What is the capital of France?")'
    spnl program.spnl -D country=Italy
    echo '(g "Hello")' | spnl -
    """


def run(args: Sequence[str]) -> int:
    """Run the command with its arguments and give back the exit code; errors are drawn on stderr."""
    arguments = list(args)
    try:
        code = spnl.main(arguments, prog_name="spnl", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except SpnlError as error:
        _hint_at_order(error, arguments)
        _draw(error, arguments)
        return error.exit_code
    except click.exceptions.Exit as request:
        return request.exit_code
    except (KeyboardInterrupt, click.Abort):
        _draw(Interrupted(), arguments)
        return EXIT_INTERRUPTED
    except _OutputClosed:
        return EXIT_CLOSED
    except OSError as error:
        if error.errno not in _WRITE_FAULTS:
            _report_bug()
            return EXIT_BUG
        reason = (error.strerror or "unknown reason").lower()
        _draw(SpnlError("bad-output", f"the output cannot be written: {reason}"), arguments)
        return SpnlError.exit_code
    except click.ClickException as error:
        _draw(_usage_error(error), arguments)
        return UsageError.exit_code
    except Exception:
        _report_bug()
        return EXIT_BUG


def main() -> NoReturn:
    """The entry point: run the command line, and leave at once.

    Leaving without Python's own teardown: a thread may still be inside the engine after an interrupt, and a
    loaded model's memory is given back faster by the system.
    """
    _open_closed_streams()
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError as error:
            if stream is sys.stdout and code == 0:
                code = EXIT_CLOSED if isinstance(error, BrokenPipeError) else SpnlError.exit_code
    os._exit(code)


def _open_closed_streams() -> None:
    """Point standard streams that came closed at nothing, so that no other file is opened in their place.

    A model's file as stdout, say, or our stdout as the engine's stderr.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (commands write to it)


def _draw(error: SpnlError, arguments: list[str]) -> None:
    """Write an error to stderr, with colours where they are wanted."""
    from spnl.console import Console
    from spnl.diagnostics import render

    console = Console(_color_wanted(arguments), plain="--plain" in arguments)
    console.put(render(error, color=console.stderr_color).rstrip("\n") + "\n")
    if error.detail and "--debug" in arguments:
        console.say_safely(error.detail)


def _color_wanted(arguments: list[str]) -> Any:
    """What `--color` says, read directly: the command line may be what is wrong."""
    mode = "auto"
    for word, following in zip(arguments, [*arguments[1:], ""], strict=False):
        said = following if word == "--color" else word.removeprefix("--color=")
        if word.startswith("--color") and said in ("always", "never", "auto"):
            mode = said
    return mode


def _usage_error(error: click.ClickException) -> UsageError:
    """Click's own complaint in our words' shape."""
    message = error.format_message().rstrip(".")
    message = message[:1].lower() + message[1:]
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "spnl"
    helps = [f"see `{command} --help`"]
    if isinstance(error, click.NoSuchOption):
        message = f"there is no option `{error.option_name}`"
        near = nearest(error.option_name, error.possibilities or ())
        helps = [f"did you mean `{near}`?"] if near else helps
    return UsageError("bad-option", message, helps=helps)


def _report_bug() -> None:
    """Say that this is our fault, and what to send us."""
    import traceback

    from spnl.console import Console

    Console().say_safely(
        f"{traceback.format_exc()}"
        f"spnl {__version__}: this is a bug in spnl, not in your program.\n"
        "Please report it with the lines above and the program that caused it."
    )
