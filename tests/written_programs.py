"""Hypothesis strategies that make programs: nodes, and the many ways in which a node can be written."""

from __future__ import annotations

import re

from hypothesis import strategies as st

from spnl.source import Source, Span
from spnl.syntax import Bool, List, Node, Number, Symbol, Text, quote

ANYWHERE = Span(Source("made", ""), 0, 0)

names = (
    st.text(
        st.characters(
            exclude_categories=("C", "Z"),
            exclude_characters="()\";[]{}'`,|\\#\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\uff02\uff08\uff09",
        ),
        min_size=1,
        max_size=12,
    )
    | st.sampled_from(["seq", "contains?", "->", "+", "-", "p/name", "."])
).filter(lambda name: not re.match(r"[+-]?\.?\d", name))

texts = st.text(max_size=30) | st.text('a \n\t\\"#|;()', max_size=12)

atoms: st.SearchStrategy[Node] = st.one_of(
    st.builds(Symbol, names, span=st.just(ANYWHERE)),
    st.builds(Text, texts, span=st.just(ANYWHERE)),
    st.builds(
        Number, st.integers() | st.floats(allow_nan=False, allow_infinity=False), span=st.just(ANYWHERE)
    ),
    st.builds(Bool, st.booleans(), span=st.just(ANYWHERE)),
)


def _lists(inside: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.builds(List, st.lists(inside, max_size=5).map(tuple), span=st.just(ANYWHERE))


nodes = st.recursive(atoms, _lists, max_leaves=20)

_SPACES = [" ", "\n", "\t", "  \n ", "\r\n", "\u00a0", "\u3000"]
_COMMENTS = [
    '; c ( " #|\n',
    ";\n",
    '#| ( ; " |#',
    "#| a #| b |# \n c |#",
    '#; (x "y" ; z\n)',
    "#;x ",
    "#; #; 1 2 ",
]

gaps = (
    st.lists(st.sampled_from(_SPACES + _COMMENTS), min_size=1, max_size=3)
    .map("".join)
    .map(lambda gap: gap + " ")
)


@st.composite
def written(draw: st.DrawFn, node: Node) -> str:
    """One of the many texts that read as `node`, with comments and white space where they can stand."""
    if isinstance(node, List):
        parts = [draw(gaps) + draw(written(item)) for item in node.items]
        return f"({''.join(parts)}{draw(gaps)})"
    if isinstance(node, Text):
        return draw(st.sampled_from([quote(node.value), _raw(node.value), _block(node.value)]))
    return str(node)


def _raw(text: str) -> str:
    """A string with as few escapes as can be. A bare `\\r\\n` would be read as one line end."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "\\r") + '"'


def _block(text: str) -> str:
    """An indented text block. White space that begins a line of the text is escaped, to be no indentation."""
    lines = re.sub(r"(?m)^[ \t]", lambda match: f"\\u{{{ord(match[0]):x}}}", _raw(text)[1:-1]).split("\n")
    return '"""\n' + "".join(f"   {line}\n" for line in lines) + '  """'


programs = nodes.flatmap(written)

soup = st.lists(
    st.sampled_from(
        [
            *"()\"\\;#|'[]{}`,“ \n\tauxtf0159.+-eE{}\0\ufeff",
            '"""',
            "#|",
            "|#",
            "#;",
            "\\u{",
            "\\n",
            "1.5",
            "abc",
            "\ud800",
        ]
    ),
    max_size=40,
).map("".join)
"""Text that is nearly a program."""
