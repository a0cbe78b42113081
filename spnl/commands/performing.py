"""Running a query for a command: the answer to stdout or a file, everything else to stderr."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spnl.api import run
from spnl.commands.options import (
    AnswerForm,
    AnswerOptions,
    ExecutionOptions,
    FetchOptions,
    KeepOptions,
    LoadingOptions,
    NoticeOptions,
    Overrides,
)
from spnl.console import Console, TextAnswer
from spnl.errors import GenerationError
from spnl.interrupts import second_interrupt_leaves
from spnl.query import Query
from spnl.teller import Teller

if TYPE_CHECKING:
    from spnl.output_file import OutputFile


def perform(
    make_query: Callable[[], Query],
    overrides: Overrides,
    loading: LoadingOptions,
    fetching: FetchOptions,
    execution: ExecutionOptions,
    keep: KeepOptions,
    answer: AnswerOptions,
    notices: NoticeOptions,
) -> int:
    """Run the query that `make_query` gives and write its answer; the exit code. Raises `SpnlError`s.

    What the environment and the configuration say is read before the query is made, which may ask a person.
    """
    settings = loading.settings()
    query = make_query()
    console = Console(notices.color, quiet=notices.quiet)
    file_out = _output_file(answer.target) if answer.target is not None else None
    console.keep_stdout_to_ourselves()
    live = not (answer.no_stream or settings.no_stream)
    output = _answer_writer(console, answer.form, file_out, live)
    teller = Teller(console, notices.verbose)
    try:
        with second_interrupt_leaves():
            options = overrides.as_dict() | fetching.as_dict() | execution.as_dict() | keep.as_dict()
            came_to = run(query, **options, output=output, observer=teller, settings=settings)
    except BaseException:
        if execution.partial:
            _finish(output, file_out)
        else:
            output.abandon()
        raise
    _finish(output, file_out)
    teller.finish()
    return GenerationError.exit_code if came_to.errors else 0


def _finish(output: Any, file: OutputFile | None) -> None:
    """The answer ends here."""
    output.finish()
    if file is not None:
        file.commit()


def _output_file(target: str) -> OutputFile:
    from spnl.output_file import OutputFile

    return OutputFile(target)


def _answer_writer(console: Console, form: AnswerForm, file: OutputFile | None, live: bool) -> Any:
    """What writes the answer: as text or records, to stdout or to a file."""
    stream = console.stdout if file is None else file
    if form != "text":
        from spnl.records import RecordAnswer

        return RecordAnswer(stream, form)
    terminal = console.stdout_is_terminal and file is None
    colored = console.stdout_color if live and file is None else console.color == "always"
    return TextAnswer(stream, color=colored, terminal=terminal, live=live)
