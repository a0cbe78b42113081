"""The keyboard of a terminal: editing, colours, completion and history. The only importer of prompt_toolkit.

What is typed is judged by `completion`, `context` and `entries`; here that is put on the screen.
"""

from __future__ import annotations

import gc
import io
import os
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completion
from prompt_toolkit.completion import Completer as PromptCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import is_searching
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.layout.utils import explode_text_fragments
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.defaults import create_output
from prompt_toolkit.shortcuts import PromptSession
from prompt_toolkit.shortcuts.prompt import CompleteStyle
from prompt_toolkit.styles import Style, pygments_token_to_classname

from spnl.repl.completion import Completer
from spnl.repl.context import indentation, matching
from spnl.repl.entries import COMMAND, is_complete, kind_of
from spnl.repl.history import HistoryFile, history_file
from spnl.repl.lines import MORE, PROMPT
from spnl.repl.session import Session
from spnl.repl.tokens import TokenLines
from spnl.visible import visible

ROOM_FOR_MENU = 4

STYLE = Style.from_dict(
    {
        "prompt": "ansigreen bold",
        "command": "ansimagenta",
        "pygments.keyword": "ansiblue bold",
        "pygments.keyword.constant": "ansicyan",
        "pygments.name.attribute": "ansicyan",
        "pygments.name.builtin": "ansiblue",
        "pygments.name.function": "bold",
        "pygments.name.variable": "bold",
        "pygments.literal.string": "ansigreen",
        "pygments.literal.string.escape": "ansimagenta",
        "pygments.literal.number": "ansicyan",
        "pygments.comment": "ansibrightblack",
        "pygments.error": "ansired",
        "matching": "reverse",
        "bottom-toolbar": "noreverse",
        "bottom-toolbar.text": "ansibrightblack",
        "bottom-toolbar.text signature": "bold",
    }
)
"""Colours that can be read on light and on dark backgrounds: the terminal's own."""


def run_keyboard(session: Session) -> None:
    """Take entries from the terminal until the person ends the session."""
    output = _output(session)
    prompt = Prompt(session, output)
    session.ask = prompt.ask
    while True:
        try:
            if not session.enter(prompt.entry()):
                return
        except KeyboardInterrupt:  # at the prompt, or where an entry was just done
            continue
        except EOFError:
            return


def _output(session: Session) -> Output:
    """The terminal, written to past what the engine's logs were sent away from."""
    stdout = session.console.stdout
    stream = io.TextIOWrapper(open(stdout.fileno(), "wb", closefd=False), encoding="utf-8")  # noqa: SIM115
    return create_output(stream)


class Prompt:
    """Asks for entries."""

    def __init__(self, session: Session, output: Output) -> None:
        gc.freeze()  # what was imported lasts: looking through it would be felt as a key that hangs
        self._session = session
        self._lines = TokenLines()
        self._completer = Completer(session, self._lines)
        colors = None if session.console.stdout_color else ColorDepth.DEPTH_1_BIT
        self._prompt: PromptSession[str] = PromptSession(
            output=output,
            multiline=True,
            lexer=_Highlighting(session, self._lines),
            completer=_Completing(self._completer),
            complete_while_typing=False,
            complete_style=CompleteStyle.COLUMN,
            reserve_space_for_menu=ROOM_FOR_MENU,
            history=_FileHistory(history_file(os.environ)),
            key_bindings=_bindings(session, self._completer),
            input_processors=[_Matching(self._lines)],
            bottom_toolbar=self._toolbar,
            prompt_continuation=_continuation,
            style=STYLE,
            color_depth=colors,
            include_default_pygments_style=False,
        )
        self._asking: PromptSession[str] = PromptSession(output=output, color_depth=colors)

    def entry(self, begun: str = "", drawn: Callable[[Any], None] | None = None) -> str:
        """The next entry. `EOFError` at Ctrl-D, `KeyboardInterrupt` at Ctrl-C.

        `begun` is what is there already; `drawn` is called whenever the screen was drawn.
        """
        if drawn is not None:
            self._prompt.app.after_render += drawn
        return self._prompt.prompt([("class:prompt", PROMPT)], default=begun)

    def ask(self, prompt: str) -> str | None:
        """The person's answer to a question of a program."""
        shown = visible(prompt)
        try:
            return self._asking.prompt(shown if shown[-1:].isspace() else f"{shown} ")
        except EOFError:
            return None

    def _toolbar(self) -> StyleAndTextTuples:
        """How the form around the cursor is written, or else which model is used."""
        app = get_app()
        document = app.current_buffer.document
        width = app.output.get_size().columns
        hint = self._completer.hint(document.text, document.cursor_position)
        if hint is None:
            return [("", _fitted(f"{self._session.model}   :help   Tab completes   Ctrl-R searches", width))]
        signature, about = hint
        return [("class:signature", _fitted(signature, width)), ("", "\n"), ("", _fitted(about, width))]


def _fitted(text: str, width: int) -> str:
    text = visible(text)
    return text if len(text) < width else text[: max(0, width - 2)] + "…"


def _continuation(width: int, line_number: int, wrap_count: int) -> StyleAndTextTuples:
    return [("class:prompt", " " * width if wrap_count else MORE.rjust(width))]


def _bindings(session: Session, completer: Completer) -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("enter", filter=~is_searching)
    def enter(event: KeyPressEvent) -> None:
        """Take what is complete; begin a line in what is not."""
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None
        elif _is_done(session, completer, buffer.document):
            buffer.validate_and_handle()
        else:
            _new_line(session, completer, buffer)

    @bindings.add("escape", "enter")
    def always_new_line(event: KeyPressEvent) -> None:
        """Begin a line, also in what is complete."""
        _new_line(session, completer, event.current_buffer)

    return bindings


def _is_done(session: Session, completer: Completer, document: Document) -> bool:
    """Whether Enter takes the entry. What has open lists at its end is incomplete, and need not be read."""
    text = document.text
    if kind_of(text, (), session.chat) == "code" and completer.context(text, len(text)).frames:
        return False
    return is_complete(text, session.chat)


def _new_line(session: Session, completer: Completer, buffer: Buffer) -> None:
    text, cursor = buffer.text, buffer.cursor_position
    indent = ""
    if kind_of(text, (), session.chat) == "code":
        indent = indentation(completer.context(text, cursor))
        after = text[cursor:]
        buffer.delete(len(after) - len(after.lstrip(" ")))
    buffer.insert_text(f"\n{indent}")


class _Highlighting(Lexer):
    """Colours code as it is typed."""

    def __init__(self, session: Session, lines: TokenLines) -> None:
        self._session = session
        self._lines = lines

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        names = self._session.state.names.values
        kind = kind_of(document.text, names, self._session.chat)
        if kind == "code":
            lines = self._lines.lines(document.text)
            return lambda row: _styled(lines[row].tokens) if row < len(lines) else []
        texts = document.lines
        if kind == "command":
            return lambda row: _command(texts[row]) if row < len(texts) else []
        return lambda row: [("", texts[row])] if row < len(texts) else []


def _styled(tokens: Iterable[tuple[Any, str]]) -> StyleAndTextTuples:
    return [(_style_of(kind), text.removesuffix("\n")) for kind, text in tokens]


@cache
def _style_of(kind: Any) -> str:
    return f"class:{pygments_token_to_classname(kind)}"


def _command(text: str) -> StyleAndTextTuples:
    word, space, rest = text.partition(" ")
    return [("class:command" if word.lstrip().startswith(COMMAND) else "", word), ("", space + rest)]


class _Matching(Processor):
    """Shows the parenthesis at the cursor, and the one that goes with it."""

    def __init__(self, lines: TokenLines) -> None:
        self._lines = lines
        self._known: tuple[str, int, tuple[int, int] | None] = ("", -1, None)

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        given = transformation_input
        document = given.document
        places = self._places(document)
        if places is None or get_app().is_done:
            return Transformation(given.fragments)
        fragments = explode_text_fragments(given.fragments)
        for place in places:
            row, column = document.translate_index_to_position(place)
            column = given.source_to_display(column)
            if row == given.lineno and column < len(fragments):
                style, text, *_ = fragments[column]
                fragments[column] = (f"{style} class:matching", text)
        return Transformation(fragments)

    def _places(self, document: Document) -> tuple[int, int] | None:
        if self._known[:2] != (document.text, document.cursor_position):
            text, cursor = document.text, document.cursor_position
            found = matching(self._lines, text, cursor) if text.lstrip().startswith("(") else None
            self._known = (text, cursor, found)
        return self._known[2]


class _Completing(PromptCompleter):
    """Offers what `completion` finds."""

    def __init__(self, completer: Completer) -> None:
        self._completer = completer

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        for found in self._completer.candidates(document.text, document.cursor_position):
            yield Completion(
                found.text, -found.back, display=visible(found.text), display_meta=visible(found.note)
            )


class _FileHistory(History):
    """The history in its file."""

    def __init__(self, file: HistoryFile) -> None:
        super().__init__()
        self._file = file

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._file.entries())

    def store_string(self, string: str) -> None:
        if string.strip():
            self._file.add(string)
