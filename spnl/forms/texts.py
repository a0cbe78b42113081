"""Texts: cut, joined and changed. The text always comes first."""

from spnl.errors import ProgramError
from spnl.forms.list_types import Document, TextItems
from spnl.forms.registry import Call, form
from spnl.forms.types import Part, Text
from spnl.lazy import GivenText, LazyList, lines_of
from spnl.limits import check_text
from spnl.query import Query
from spnl.source import Span
from spnl.values import concat


@form("concat")
def concat_(call: Call, *texts: Part) -> str | Query:
    """Texts joined without a separator.

    (concat "The answer is " (+ 20 22) ".")
    """
    return concat(texts, "concat", call.span) if texts else ""


@form("join")
def join(call: Call, list_: TextItems, separator: Text) -> str | Query:
    """The items of a list as one text, with a separator between them.

    (join (list "red" "green" "blue") ", ")
    """
    return concat(list_, "join", call.span, separator) if list_ else ""


@form("split")
def split(call: Call, text: Text, separator: Text | None = None) -> tuple[str, ...]:
    """The parts of a text between separators, or its words where no separator is given.

    (foreach colour (split "red, green" ", ") (user "What is " colour "?"))
    """
    if separator is None:
        return tuple(text.split())
    _refuse_empty(separator, call.place("separator"), "a text cannot be split at nothing")
    return tuple(text.split(separator))


@form("lines")
def lines(call: Call, text: Document) -> tuple[str, ...] | LazyList:
    """The lines of a text, without their ends. Empty lines count: `(remove empty? (lines TEXT))` is without.

    Of a file, no more is read than is used, so it may be of any size.

    (foreach fact (take 2 (lines (file "facts.txt"))) (user fact))
    """
    return tuple(lines_of(text.read())) if isinstance(text, GivenText) else LazyList(text.lines)


@form("trim")
def trim(call: Call, text: Text) -> str:
    """A text without the white space at its beginning and end.

    (trim "  Paris ")
    """
    return text.strip()


@form("upper")
def upper(call: Call, text: Text) -> str:
    """A text in capital letters.

    (upper "Paris")
    """
    return text.upper()


@form("lower")
def lower(call: Call, text: Text) -> str:
    """A text in small letters.

    (contains? (lower (g "What is the capital of France?")) "paris")
    """
    return text.lower()


@form("replace")
def replace(call: Call, text: Text, old: Text, new: Text) -> str:
    """A text with another in every place where `old` stands.

    (replace "I like tea." "tea" "coffee")
    """
    _refuse_empty(old, call.place("old"), "nothing cannot be replaced")
    check_text(len(text) + text.count(old) * (len(new) - len(old)), call.span)
    return text.replace(old, new)


def _refuse_empty(text: str, span: Span, message: str) -> None:
    if not text:
        raise ProgramError("empty-text", message, span=span, helps=("give a text of at least one character",))
