"""Running a query for a command: the answer to stdout or a file, everything else to stderr."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from spnl.api import run
from spnl.commands.files import refuse_same_file
from spnl.commands.options import (
    AnswerForm,
    AnswerOptions,
    LoadingOptions,
    NoticeOptions,
)
from spnl.commands.timing_options import TimingOptions
from spnl.console import Console, TextAnswer
from spnl.errors import GenerationError
from spnl.frozen import Frozen
from spnl.interrupts import second_interrupt_leaves
from spnl.query import Query
from spnl.teller import Teller

if TYPE_CHECKING:
    from spnl.commands.timing import TimingReport
    from spnl.output_file import OutputFile


def perform(
    make_query: Callable[[], Query],
    how: Iterable[Frozen],
    loading: LoadingOptions,
    timing: TimingOptions,
    answer: AnswerOptions,
    notices: NoticeOptions,
    program: str | None = None,
) -> int:
    """Run the query that `make_query` gives and write its answer; the exit code. Raises `SpnlError`s.

    `how` are option groups whose fields are parameters of `spnl.api.run`. What the environment and the
    configuration say is read before the query is made, which may ask a person. `program` is the file that it
    comes from, if it does: nothing is written over it.
    """
    parameters = {name: value for options in how for name, value in options.as_dict().items()}
    refuse_same_file(
        the_program=program,
        the_answer=answer.target,
        the_journal=parameters["journal"],
        the_usage=timing.usage_json,
        the_trace=timing.trace,
    )
    settings = loading.settings()
    query = make_query()
    console = Console(notices.color, quiet=notices.quiet, plain=notices.plain)
    file_out = _output_file(answer.target) if answer.target is not None else None
    console.keep_stdout_to_ourselves()
    live = not (answer.no_stream or settings.no_stream)
    output = _answer_writer(console, answer.form, file_out, live)
    report = _report(timing, console) if timing else None
    teller = Teller(console, notices.verbose, report.meter if report is not None else None)
    try:
        with second_interrupt_leaves():
            came_to = run(query, **parameters, output=output, observer=teller, settings=settings)
    except BaseException:
        teller.abandon()
        if parameters["partial"]:
            _finish(output, file_out)
        else:
            output.abandon()
        if report is not None:
            report.write(completed=False)
        raise
    _finish(output, file_out)
    teller.finish()
    if report is not None:
        report.write(completed=True)
    return GenerationError.exit_code if came_to.errors else 0


def _finish(output: Any, file: OutputFile | None) -> None:
    """The answer ends here."""
    output.finish()
    if file is not None:
        file.commit()


def _output_file(target: str) -> OutputFile:
    from spnl.output_file import OutputFile

    return OutputFile(target)


def _report(options: TimingOptions, console: Console) -> TimingReport:
    from spnl.commands.timing import TimingReport

    return TimingReport(options, console)


def _answer_writer(console: Console, form: AnswerForm, file: OutputFile | None, live: bool) -> Any:
    """What writes the answer: as text or records, to stdout or to a file."""
    if form != "text":
        from spnl.records import RecordAnswer

        if file is not None:
            return RecordAnswer(file, form)
        terminal, before = console.stdout_is_terminal, console.before_answer()
        return RecordAnswer(console.stdout, form, terminal=terminal, before=before)
    if file is not None:
        return TextAnswer(file, color=console.color == "always", terminal=False, live=False)
    colored = console.stdout_color if live else console.color == "always"
    return console.text_answer(color=colored, live=live)
