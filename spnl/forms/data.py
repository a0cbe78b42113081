"""Data: texts from outside the program, read when it is expanded, once, in source order."""

from spnl.errors import ProgramError, did_you_mean
from spnl.forms.registry import Call, form
from spnl.forms.types import KnownText
from spnl.values import Value


@form("file")
def file(call: Call, path: KnownText) -> Value:
    """The text of a file; a relative path is relative to the program's own folder.

    `lines`, `jsonl` and `csv` read a file of any size row by row.

    (g (seq (file "facts.txt") (user "What colour is the lamp?")))
    """
    return call.inputs.file(path, call.folder, call.place("path"))


@form("stdin")
def stdin(call: Call) -> Value:
    """The text that comes through a pipe or from a file: `… | spnl program.spnl`.

    (g (user "What is the capital of " (trim (stdin)) "?"))
    """
    return call.inputs.stdin(call.span)


@form("ask")
def ask(call: Call, prompt: KnownText, default: KnownText | None = None) -> Value:
    """A line that a person types at the terminal, or the default where there is none.

    (g (format "What is the capital of {}?" (ask "Which country?" "Spain")))
    """
    answer = call.inputs.ask(prompt, call.span)
    if answer is None or (answer == "" and default is not None):
        answer = default
    if answer is None:
        raise ProgramError(
            "nobody-to-ask",
            "there is nobody to ask: stdin is not a terminal, or has ended",
            span=call.span,
            helps=(
                "give a default: `(ask PROMPT DEFAULT)`",
                'or use `(arg "name")`, and run with `-D name=VALUE`',
            ),
        )
    return answer


@form("env")
def env(call: Call, name: KnownText, default: KnownText | None = None) -> Value:
    """The value of an environment variable, or the default where it is not set.

    (g (format "What is the capital of {}?" (env "COUNTRY" "Spain")))
    """
    value = call.inputs.variable(name)
    if value is None:
        value = default if default is not None else call.inputs.unknown("env", call.span)
    if value is None:
        raise ProgramError(
            "missing-variable",
            f"the environment variable {name} is not set",
            span=call.place("name"),
            helps=(f'set it, or write a default: `(env "{name}" DEFAULT)`',),
        )
    return value


@form("arg")
def arg(call: Call, name: KnownText, default: KnownText | None = None) -> Value:
    """A text given on the command line with `-D name=value`, or else the default.

    (g (format "What is the capital of {}?" (arg "country" "Spain")))
    """
    value: Value | None = call.arguments.get(name, default)
    if value is None:
        value = call.inputs.unknown("arg", call.span)
    if value is None:
        raise ProgramError(
            "missing-definition",
            f"nothing was given for `{name}`",
            span=call.span,
            helps=did_you_mean(name, call.arguments)
            or (f'run the program with `-D {name}=VALUE`, or write a default: `(arg "{name}" DEFAULT)`',),
        )
    return value
