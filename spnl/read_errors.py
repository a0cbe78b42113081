"""What is wrong with the shape of a program: what lacks its end or its beginning, and where to mend that.

Imports `source` and `errors`. For the reader, which knows that something is wrong, and hardly where.
"""

from __future__ import annotations

from spnl.errors import IncompleteError, ReadError
from spnl.source import Source, Span


def not_text(span: Span) -> ReadError:
    """The error of half a character: a byte, on a command line, that was not UTF-8."""
    return ReadError(
        "not-utf-8",
        "the program is not UTF-8 text",
        span=span,
        label="not a character",
        helps=("write it as UTF-8",),
    )


def empty(source: Source) -> ReadError:
    """The error of a text without a datum."""
    end = len(source.text.rstrip())
    message = "there is only a comment here, and nothing to run" if end else "there is nothing to run"
    return ReadError(
        "empty",
        message,
        span=Span(source, end, end),
        label="a form is due here",
        helps=('write a form, such as `(generate (user "hi"))`',),
    )


def too_deep(opening: Span, limit: int) -> ReadError:
    """The error of a `(` inside too many others."""
    message = f"lists are nested more than {limit} deep here"
    return ReadError(
        "too-deep",
        message,
        span=opening,
        label=f"level {limit + 1}",
        helps=("give inner parts names of their own, with `define`",),
    )


def stray(closing: Span, before: Span | None) -> ReadError:
    """The error of a `)` outside all lists; `before` is the last list before it that begins a line."""
    notes, helps = [], ["remove it"]
    if before is not None:
        first, _ = before.source.position(before.start)
        last, _ = before.source.position(before.end - 1)
        if first != last:
            notes.append(f"the list that begins on line {first} ends on line {last}")
            helps = [f"remove it, or one `)` from line {last}"]
    return ReadError(
        "stray", "unexpected `)`", span=closing, label="no list is open here", notes=notes, helps=helps
    )


def nothing_to_skip(skip: Span, at_end: bool) -> ReadError:
    """The error of a `#;` without a datum after it."""
    kind = IncompleteError if at_end else ReadError
    return kind(
        "unterminated",
        "nothing follows this `#;` that it could leave out",
        span=skip,
        label="leaves out what follows",
        helps=("remove it, or write after it what to leave out",),
    )


def unterminated(source: Source, start: int, opening: str) -> IncompleteError:
    """The error of a string, a text block or a block comment without its end; `opening` is how it begins."""
    if opening.startswith("#|"):
        what, end, where = "comment", "|#", "where it should end"
    elif opening.startswith('"""'):
        what, end, where = "text block", '"""', "after its last line"
    else:
        what, end, where = "string", '"', "where its text should end"
    return IncompleteError(
        "unterminated",
        f"this {what} is never ended",
        span=Span(source, start, start + len(end)),
        label="begins here",
        helps=(f"add `{end}` {where}",),
    )


def has_closed(errors: list[ReadError]) -> bool:
    """Whether one of the errors is a `]` or `}`: that is why a list has no end, and enough to say."""
    return any(error.span is not None and error.span.text in ("]", "}", "\uff09") for error in errors)


def unclosed(source: Source, parentheses: list[int]) -> IncompleteError:
    """The error of lists that lack their end; `parentheses` as in `_misfit`."""
    still_open: list[int] = []
    for place in parentheses:
        if place >= 0:
            still_open.append(place)
        else:
            still_open.pop()
    start, line = _misfit(source, parentheses) or (still_open[-1], None)
    missing = len(still_open)
    notes = []
    if line is not None:
        advice = f"add `)` before line {line}"
        notes.append(f"line {line} is indented as if this list had ended")
    else:
        advice = f"add {_closers(missing)} {_at_end(source)}"
    if missing > 1:
        notes.append(f"{missing} lists are open {_at_end(source)}")
    sure = start in still_open
    return IncompleteError(
        "unclosed",
        "this `(` is never closed" if sure else "a `(` is never closed, most likely this one",
        span=Span(source, start, start + 1),
        label="opened here",
        notes=notes,
        helps=(advice,),
    )


def _closers(count: int) -> str:
    return f"`{')' * count}`" if count <= 8 else f"{count} times `)`"


def _at_end(source: Source) -> str:
    """Where the text ends, in words: `-c`, `-` and `<stdin>` are no files."""
    return "at the end" if source.name.startswith(("-", "<")) else "at the end of the file"


def _misfit(source: Source, parentheses: list[int]) -> tuple[int, int] | None:
    """The list that indentation says is not closed: where it opens, and the line that says so.

    `parentheses` are those of the datum at top level, in order: the offset of each `(`, and `~offset` of each
    `)`. Whoever indents by lists writes inside a list further right than the line that opens it. The first
    line that is not, while the list is open, follows on the missing `)`.
    """
    inside: list[tuple[int, int, int]] = []  # of each open list: offset, line, indentation of that line
    line, indent = 0, 0
    for place in parentheses:
        offset = place if place >= 0 else ~place
        number, column = source.position(offset)
        if number != line:
            text = source.line(number)
            line, indent = number, len(text) - len(text.lstrip())
        if inside and line > inside[-1][1]:
            outdented = indent <= inside[-1][2] if place >= 0 else column == indent + 1 < inside[-1][2] + 1
            if outdented:
                return inside[-1][0], line
        if place >= 0:
            inside.append((offset, line, indent))
        else:
            inside.pop()
    return None
