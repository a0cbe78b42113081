"""Reading JSON, with places: text to items. RFC 8259 and nothing more.

Imports `items`. Not recursive, so that depth is a limit of ours and not of Python's stack. The standard
library's scanner, which knows no places, decodes the strings.
"""

from __future__ import annotations

import re
from json import JSONDecodeError, JSONDecoder

from spnl.codec.items import NUMBER, Item, Opened, Scalar, nothing_here, number_at, too_deep
from spnl.errors import ProgramError
from spnl.reader import MAX_DEPTH
from spnl.source import Source, Span

_WHITE = " \t\n\r"
_SPACE = re.compile(f"[{_WHITE}]*+")
_WORD = re.compile(r'[^\s,:\[\]{}"]*+')
_DECODE = JSONDecoder().raw_decode

_CONSTANTS: dict[str, Scalar] = {"true": True, "false": False, "null": None}
_ELSEWHERE = {"True": "true", "False": "false", "None": "null", "nil": "null", "undefined": "null"}
_CLOSERS = {"[": "]", "{": "}"}


def read_items(source: Source) -> Item:
    """What a JSON text holds. Raises `ProgramError`."""
    return _Reader(source).read()


class _Reader:
    """Reads one text. `at` is where it has come to, `open` the lists and objects that it is in."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.at = 0
        self.open: list[Opened] = []

    def read(self) -> Item:
        """The one value of the text."""
        if self.next() == "":
            raise nothing_here(self.source)
        item: Item | None = None
        while item is None:
            item = self.value()
            while item is not None and self.open:
                item = self.go_on(item)
        if self.next() != "":
            raise self.error(
                "something follows the end of the query",
                self.at,
                self.at + 1,
                "a file holds one query: put several into the list of one `seq`",
            )
        return item

    def next(self) -> str:
        """The next character that is not white space, or nothing at the end of the text."""
        character = self.text[self.at : self.at + 1]
        if character in _WHITE:
            space = _SPACE.match(self.text, self.at)
            assert space is not None
            self.at = space.end()
            character = self.text[self.at : self.at + 1]
        return character

    def value(self) -> Item | None:
        """The value here; None where it is a list or an object, in which a value comes next."""
        opening = self.next()
        if opening not in _CLOSERS:
            return self.scalar(opening)
        if len(self.open) == MAX_DEPTH:
            raise too_deep(self.span(self.at, self.at + 1))
        self.open.append(Opened(self.span(self.at, self.at + 1), is_object=opening == "{"))
        self.at += 1
        if self.next() == _CLOSERS[opening]:
            return self.close()
        self.key()
        return None

    def go_on(self, item: Item) -> Item | None:
        """Put a value into what it is in; that, where it ends here, or None where another value comes."""
        opened = self.open[-1]
        opened.add(item)
        following, closer = self.next(), _CLOSERS[opened.opening.text]
        if following == closer:
            return self.close()
        if following != ",":
            raise self.no_comma(opened, following, closer)
        comma = self.at
        self.at += 1
        if self.next() == closer:
            raise self.error("no value follows this comma", comma, comma + 1, "remove the comma")
        self.key()
        return None

    def close(self) -> Item:
        self.at += 1
        return self.open.pop().close(self.at)

    def key(self) -> None:
        """Read the key that stands before a value, where the value is one of an object."""
        opened = self.open[-1]
        if not opened.needs_key:
            return
        if (following := self.next()) != '"':
            raise self.no_key(following)
        start = self.at
        key = self.string()
        end = self.at
        if self.next() != ":":
            raise self.error("a key is followed by `:` and its value", start, end, "write `:` after the key")
        opened.name(key, self.span(start, end))
        self.at += 1

    def scalar(self, first: str) -> Item:
        start = self.at
        if first == '"':
            text = self.string()
            return Item(text, self.span(start, self.at))
        word = self.word()
        span = self.span(start, start + len(word))
        self.at = span.end
        if word in _CONSTANTS:
            return Item(_CONSTANTS[word], span)
        if NUMBER.fullmatch(word):
            return Item(number_at(span), span)
        self.at = start
        raise self.no_value(word)

    def word(self) -> str:
        """The characters from here to the next that is punctuation or white space."""
        found = _WORD.match(self.text, self.at)
        assert found is not None
        return found[0]

    def string(self) -> str:
        """The text of the string that begins here."""
        try:
            text, self.at = _DECODE(self.text, self.at)
        except JSONDecodeError as error:
            raise self.bad_string(error) from None
        assert isinstance(text, str)
        return text

    # What is wrong

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def error(self, message: str, start: int, end: int, *helps: str) -> ProgramError:
        return ProgramError("bad-json", message, span=self.span(start, end), helps=helps)

    def unclosed(self) -> ProgramError:
        opening = self.open[-1].opening
        closer = _CLOSERS[opening.text]
        return ProgramError(
            "bad-json",
            f"this `{opening.text}` is never closed",
            span=opening,
            label="opened here",
            helps=(f"write `{closer}` where it ends",),
        )

    def no_comma(self, opened: Opened, following: str, closer: str) -> ProgramError:
        if following == "":
            return self.unclosed()
        if following in "]}":
            message = f"`{following}` stands where `{closer}` is due"
            return self.error(message, self.at, self.at + 1, f"close the `{opened.opening.text}` first")
        if following in "/#":
            return self.no_value(self.word())
        return self.error("a comma is missing before this", self.at, self.at + 1, "write `,` before it")

    def no_key(self, following: str) -> ProgramError:
        if following == "":
            return self.unclosed()
        word = self.word()
        if following in "/#":
            return self.no_value(word)
        return self.error(
            "a key is a text in double quotes",
            self.at,
            self.at + max(len(word), 1),
            *((f'write `"{name}"`',) if (name := word.strip("'")) else ()),
        )

    def no_value(self, word: str) -> ProgramError:
        """The error of a word that is no value, or of no word at all."""
        start, end = self.at, self.at + max(len(word), 1)
        if self.at == len(self.text):
            return self.unclosed()
        if not word:
            message = f"a value is due before this `{self.text[start]}`"
            return self.error(message, start, end, "write one, such as a text in double quotes")
        if word.startswith(("//", "/*", "#")):
            return self.error("JSON has no comments", start, end, "remove it, or write the query in YAML")
        if word.startswith("'"):
            return self.error("JSON writes texts in double quotes", start, end, "write `\"` for `'`")
        if word in _ELSEWHERE:
            return self.error(f"JSON has no `{word}`", start, end, f"write `{_ELSEWHERE[word]}`")
        if word.lstrip("+-") in ("NaN", "Infinity"):
            return self.error(f"JSON has no `{word}`", start, end, "write a number that is finite")
        if word[0] in "+-.0123456789":
            return self.error(
                "this is not how JSON writes a number",
                start,
                end,
                "write it like `3`, `0.7` or `1e-3`",
            )
        shown = word if len(word) <= 24 else f"{word[:23]}…"
        return self.error(f"`{shown}` is no value", start, end, "a text stands in double quotes")

    def bad_string(self, error: JSONDecodeError) -> ProgramError:
        """The standard library's complaint about a string, in our words."""
        at = min(error.pos, len(self.text) - 1)
        if error.msg.startswith("Unterminated"):
            return self.error("this string is never closed", self.at, self.at + 1, 'write `"` where it ends')
        if error.msg.startswith("Invalid control character"):
            if self.text[at] == "\n":
                return self.error(
                    "the line ends within a string",
                    at,
                    at,
                    'close it with `"`, or write the line end as `\\n`',
                )
            code = f"\\u{ord(self.text[at]):04x}"
            return self.error("a control character is in this string", at, at + 1, f"write it as `{code}`")
        backslash = self.text.rfind("\\", self.at, at + 1)
        return self.error(
            "this is not an escape of JSON",
            backslash,
            min(backslash + 2, len(self.text)),
            "write `\\\\` for a backslash",
        )
