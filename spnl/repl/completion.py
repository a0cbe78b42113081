"""What could stand at the cursor, and what is said of the form around it.

Nothing here knows of a keyboard: an entry and a place in it go in, words come out.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from spnl.forms.registry import FORMS, Form
from spnl.repl import setting
from spnl.repl.commands import COMMANDS
from spnl.repl.context import Context, context_at
from spnl.repl.entries import COMMAND, kind_of
from spnl.repl.listing import models_here
from spnl.repl.session import Session
from spnl.repl.table import Completes
from spnl.repl.telling import described
from spnl.repl.tokens import TokenLines
from spnl.scope import Closure

FILE_FORMS = frozenset(("file", "import", "jsonl", "csv", "lines"))
"""The forms whose first argument names a file."""

MOST_FILES = 500
"""How many names of a folder are offered."""


class Candidate(NamedTuple):
    """A word that could stand in place of the `back` characters before the cursor; `note` says what it is."""

    text: str
    back: int
    note: str = ""


class Completer:
    """Completes the entries of a session. Models' names are listed once, when they are first asked for."""

    def __init__(self, session: Session, lines: TokenLines) -> None:
        self._session = session
        self._lines = lines
        self._models: tuple[str, ...] | None = None

    def candidates(self, text: str, cursor: int) -> Iterator[Candidate]:
        """What could stand at the cursor, in the order in which it is shown."""
        before = text[:cursor]
        kind = kind_of(text, self._session.state.names.values, self._session.chat)
        if kind == "command":
            yield from self._command(before.lstrip(), text, cursor)
        elif kind == "code":
            yield from self._code(text, cursor)
        else:
            yield from self._named(before.rpartition(" ")[2])

    def hint(self, text: str, cursor: int) -> tuple[str, str] | None:
        """How the form around the cursor is written, and what it is for; None where there is none."""
        start = text.lstrip()
        if start.startswith(COMMAND):
            name = start[1:].split(maxsplit=1)[0] if start[1:].strip() else ""
            found = COMMANDS.get(name)
            return (f":{found.name} {found.usage}".rstrip(), found.help) if found is not None else None
        if not start.startswith("("):
            return None
        context = self.context(text, cursor)
        for frame in reversed(context.frames):
            if frame.head in FORMS:
                form = FORMS[frame.head]
                return form.signature, form.doc.partition("\n")[0]
            value = self._session.state.names.values.get(frame.head)
            if isinstance(value, Closure):
                return described(value), "A function of this session."
        return None

    def context(self, text: str, cursor: int) -> Context:
        """Where the cursor stands in code."""
        return context_at(self._lines, text, cursor)

    def _command(self, line: str, text: str, cursor: int) -> Iterator[Candidate]:
        word, space, rest = line.removeprefix(COMMAND).partition(" ")
        if not space:
            yield from _matching(word, ((name, COMMANDS[name].help) for name in COMMANDS))
            return
        found = COMMANDS.get(word)
        if found is None:
            return
        last = rest.rpartition(" ")[2]
        if found.completes == "code":
            yield from self._code(" " * (cursor - len(rest)) + text[cursor - len(rest) :], cursor)
        elif found.completes == "files":
            yield from _files(rest, "")
        else:
            yield from _matching(last, self._words(found.completes, found.words))

    def _words(self, completes: Completes, words: tuple[str, ...]) -> Iterable[tuple[str, str]]:
        match completes:
            case "models":
                return ((name, "") for name in self.models())
            case "forms":
                return _forms()
            case "settings":
                return ((name, "") for name in setting.names())
            case "commands":
                return ((name, COMMANDS[name].help) for name in COMMANDS)
        return ((word, "") for word in words)

    def models(self) -> tuple[str, ...]:
        """The names of the models on this machine, as they were when they were first asked for."""
        if self._models is None:
            self._models = models_here()
        return self._models

    def _code(self, text: str, cursor: int) -> Iterator[Candidate]:
        context = self.context(text, cursor)
        if context.inside == "comment":
            return
        frame = context.frames[-1] if context.frames else None
        if context.in_text:
            if frame is not None and frame.head == "model":
                yield from _matching(context.word, ((name, "") for name in self.models()))
            elif frame is not None and frame.head in FILE_FORMS:
                yield from _files(context.word, "")
            elif frame is not None and frame.head in ("g", "generate", "map") and frame.parts == 1:
                yield from _matching(context.word, ((name, "") for name in self.models()))
            return
        if frame is not None and frame.head in ("", context.word) and frame.parts == 0:
            if len(context.frames) > 1:
                yield from _matching(context.word, _clauses(context.frames[-2].head))
            yield from _matching(context.word, _forms())
        yield from self._named(context.word)
        if frame is not None and frame.parts + bool(frame.head) and frame.head != context.word:
            yield from _matching(
                context.word, ((name, "form") for name, _ in _forms()) if context.word else ()
            )

    def _named(self, word: str) -> Iterator[Candidate]:
        values = self._session.state.names.values
        if word:
            yield from _matching(word, ((name, "name") for name in values))


def _forms() -> Iterator[tuple[str, str]]:
    return ((name, FORMS[name].doc.partition("\n")[0]) for name in FORMS)


def _clauses(head: str) -> Iterator[tuple[str, str]]:
    """The clauses that a form may have, with what each takes."""
    form: Form | None = FORMS.get(head)
    if form is not None and form.special is None:
        for name, param in form.clauses.items():
            yield name, f"clause: {param.type.name}"


def _matching(word: str, words: Iterable[tuple[str, str]]) -> Iterator[Candidate]:
    return (Candidate(name, len(word), note) for name, note in words if name.startswith(word))


def _files(word: str, folder: str) -> Iterator[Candidate]:
    """The files whose paths begin with a word, folders with a slash at the end."""
    place, _, start = word.rpartition("/")
    where = os.path.expanduser(f"{place}/" if "/" in word else folder or ".")
    try:
        entries = sorted(os.scandir(where), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries[:MOST_FILES]:
        if entry.name.startswith(start) and (start or not entry.name.startswith(".")):
            yield Candidate(entry.name + ("/" if entry.is_dir() else ""), len(start), "")
