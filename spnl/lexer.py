"""The language for Pygments: colours for programs in documents, in the REPL and on web pages.

Imports the parser's tables, the registry of forms, and pygments. What atoms and
comments look like is read from the grammar's terminals, and the names of forms and clauses from the registry,
so that neither is written down again here. Any text has tokens, and their texts joined are the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar, Final, TypeAlias

from pygments.lexer import RegexLexer, default, include  # type: ignore[import-untyped]
from pygments.token import (  # type: ignore[import-untyped]
    Comment,
    Error,
    Keyword,
    Name,
    Number,
    Punctuation,
    String,
    Whitespace,
)

from spnl import _tables

__all__ = ["SpnlLexer"]

Tokens: TypeAlias = Iterator[tuple[int, Any, str]]
Rules: TypeAlias = list[Any]

DEFINITION: Final = "define"
"""The form after which a new name stands."""


def _terminal(name: str) -> str:
    """The regular expression of a terminal of the grammar."""
    (pattern,) = (
        entry["pattern"]
        for entry in _tables.MEMO.values()
        if entry["__type__"] == "TerminalDef" and entry["name"] == name
    )
    value = str(pattern["value"])
    if pattern["__type__"] == "PatternStr":
        return re.escape(value)
    return f"(?{''.join(pattern['flags'])}:{value})"


LPAR, RPAR, SKIP, WS = map(_terminal, ("LPAR", "RPAR", "SKIP", "WS"))
LINE_COMMENT, BLOCK_OPEN, BLOCK_CLOSE = map(_terminal, ("LINE_COMMENT", "BLOCK_OPEN", "BLOCK_CLOSE"))
SYMBOL = _terminal("SYMBOL")
ATOMS = (
    "NUMBER",
    "BOOL",
    "SYMBOL",
    "TEXT_BLOCK",
    "UNTERMINATED_BLOCK",
    "STRING",
    "UNTERMINATED_STRING",
    "JUNK",
)
ATOM = "|".join(map(_terminal, ATOMS))
ESCAPE: Final = r'\\["\\ntr]|\\u\{[0-9a-fA-F]{1,6}\}'


@cache
def _clauses() -> frozenset[str]:
    """The name of every clause of any form."""
    from spnl.forms import FORMS

    return frozenset(clause for form in FORMS.values() for clause in form.clauses)


def _head(lexer: RegexLexer, match: re.Match[str], context: Any = None) -> Tokens:
    """The token of a symbol at the head of a list."""
    from spnl.forms import FORMS

    name = match[0]
    kind = Keyword if name in FORMS else Name.Attribute if name in _clauses() else Name.Function
    yield match.start(), kind, name


def _symbol(lexer: RegexLexer, match: re.Match[str], context: Any = None) -> Tokens:
    """The token of a symbol elsewhere: a name, or a form that is used as a function."""
    from spnl.forms import FORMS

    yield match.start(), Name.Builtin if match[0] in FORMS else Name, match[0]


class SpnlLexer(RegexLexer):  # type: ignore[misc]
    """For spnl, the language of programs that use language models."""

    name = "spnl"
    aliases: ClassVar[list[str]] = ["spnl"]
    filenames: ClassVar[list[str]] = ["*.spnl"]
    mimetypes: ClassVar[list[str]] = ["text/x-spnl"]
    flags = 0

    tokens: ClassVar[dict[str, Rules]] = {
        "root": [(RPAR, Error), include("data")],
        "list": [(RPAR, Punctuation, "#pop"), include("data")],
        "data": [
            include("gaps"),
            (LPAR, Punctuation, ("list", "head")),
            (_terminal("NUMBER"), Number),
            (_terminal("BOOL"), Keyword.Constant),
            (SYMBOL, _symbol),
            (r'"""', String.Heredoc, "block"),
            (r'"', String, "string"),
            (_terminal("JUNK"), Error),
        ],
        "gaps": [
            (WS, Whitespace),
            (LINE_COMMENT, Comment.Single),
            (BLOCK_OPEN, Comment.Multiline, "comment"),
            (SKIP, Comment.Special, "skip"),
        ],
        "head": [
            include("gaps"),
            (rf"{re.escape(DEFINITION)}(?={WS})", Keyword.Declaration, ("#pop", "definition")),
            (SYMBOL, _head, "#pop"),
            default("#pop"),
        ],
        "definition": [
            include("gaps"),
            (LPAR, Punctuation, ("#pop", "list", "function")),
            (SYMBOL, Name.Variable, "#pop"),
            default("#pop"),
        ],
        "function": [include("gaps"), (SYMBOL, Name.Function, "#pop"), default("#pop")],
        "string": [
            (r'[^"\\]++', String),
            (ESCAPE, String.Escape),
            (r'"', String, "#pop"),
            (r"(?s:\\.?)", Error),
        ],
        "block": [
            (r'[^"\\]++', String.Heredoc),
            (ESCAPE, String.Escape),
            (r'"""(?!")', String.Heredoc, "#pop"),
            (r'"', String.Heredoc),
            (r"(?s:\\.?)", Error),
        ],
        "comment": [
            (BLOCK_OPEN, Comment.Multiline, "#push"),
            (BLOCK_CLOSE, Comment.Multiline, "#pop"),
            (_terminal("BLOCK_TEXT"), Comment.Multiline),
        ],
        # After `#;`: one datum, which is a comment, too.
        "skip": [
            include("gaps"),
            (LPAR, Comment.Special, ("#pop", "skipped")),
            (r'"""', Comment.Special, ("#pop", "skipped block")),
            (r'"', Comment.Special, ("#pop", "skipped string")),
            (ATOM, Comment.Special, "#pop"),
            default("#pop"),
        ],
        "skipped": [
            include("gaps"),
            (LPAR, Comment.Special, "#push"),
            (RPAR, Comment.Special, "#pop"),
            (r'"""', Comment.Special, "skipped block"),
            (r'"', Comment.Special, "skipped string"),
            (ATOM, Comment.Special),
        ],
        "skipped string": [(r'"', Comment.Special, "#pop"), (r'(?s:[^"\\]++|\\.?)', Comment.Special)],
        "skipped block": [
            (r'"""(?!")', Comment.Special, "#pop"),
            (r'(?s:[^"\\]++|\\.?|")', Comment.Special),
        ],
    }

    def line_tokens(
        self, line: str, states: tuple[str, ...]
    ) -> tuple[list[tuple[Any, str]], tuple[str, ...]]:
        """The tokens of one line, and the states after it, from those that the line before left.

        So an editor lexes again only what was changed. The first line of a text begins in `("root",)`; a line
        has its line end.
        """
        stack = list(states)
        found: list[tuple[Any, str]] = []
        at = 0
        while at < len(line):
            for matches, action, change in self._tokens[stack[-1]]:
                match = matches(line, at)
                if match is None:
                    continue
                if isinstance(action, type(Error)):
                    found.append((action, match[0]))
                elif action is not None:
                    found.extend((kind, text) for _, kind, text in action(self, match))
                at = match.end()
                _change(stack, change)
                break
            else:
                found.append((Error, line[at]))
                at += 1
        return [(kind, text) for kind, text in found if text], tuple(stack)


def _change(stack: list[str], change: Any) -> None:
    """Enter or leave states as a rule says: by their names, a number, or `#push`."""
    if change is None:
        return
    for step in change if isinstance(change, tuple) else (change,):
        if step == "#pop":
            step = -1
        if isinstance(step, int):
            del stack[max(1, len(stack) + step) :]
        else:
            stack.append(stack[-1] if step == "#push" else step)
