"""The formatter: programs in one canonical layout, in the way of Lisp formatters, 100 columns wide.

Imports `source`, `reader`, `syntax`, and the registry of forms, which says how each form is laid out. The
layout depends on the data, the comments and the blank lines of a program alone, never on where its author
broke lines. The rules:

- A list stands on one line where that has at most 100 columns, and at most 72 (`COMPACT`) of its own if
  two or more of its parts are lists. It is broken where something in it has to be: a text over several
  lines, a comment that ends its line or has one of its own, a list that is broken.
- A broken form with a body or clauses has them below each other, indented by two. What comes first stays on
  the line of the head: the names and conditions of `let lambda define foreach if`, the atoms that fill the
  first parameters of a form (`(g "tiny"`), and the clause of one that must be given (`(repeat (n 3)`).
- Any other broken call has its arguments below each other, aligned under the first; indented by two behind a
  head of 16 characters or more, and where that makes one of them fit on its line. A list that is no call has
  its items below each other.
- A text that is too long for any line, or has several lines, begins on the line of the head where it is the
  first argument of a call, among what may stand there, or alone behind that.
- Strings, numbers and names are kept as they are written. The lines of a text block are indented together
  with the code around them, which leaves its text as it is.
- A comment at the end of a line stays there, also past `)`; one with a line of its own stands before what it
  stood before. One empty line between parts is kept, more become one.
"""

from spnl.formatting.layout import lay_out
from spnl.formatting.tree import pieces_of
from spnl.reader import read_all
from spnl.source import Source

__all__ = ["format_program"]


def format_program(source: Source) -> str:
    """The program in its canonical layout, with `\\n` line ends. Raises `ReadError`.

    What has no datum is no program, but still has a layout: a file of comments, an empty file.
    """
    program, errors = read_all(source)
    if errors and errors[0].id != "empty":
        raise errors[0]
    return lay_out(pieces_of(program))
