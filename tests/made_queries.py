"""Hypothesis strategies that make queries that JSON can carry, and programs that expand to such."""

from __future__ import annotations

from hypothesis import strategies as st

from spnl.query import (
    Cross,
    Generate,
    Map,
    Message,
    Monad,
    Par,
    Plus,
    Print,
    Query,
    Repeat,
    Sampling,
    Seq,
    Zip,
)
from spnl.syntax import quote

_TROUBLE = [
    *("", "no", "Yes", "null", "~", "3", "0.7", "1:30", "017", "0x1F", "1e3", "2024-01-01", "<<", "=", "{}"),
    *("- a", "a: b", "# a", "&a", "*a", "!!str a", "|", "%", "@", "`", "'", '"', '"""', "\\", "\\n", "---"),
    *(
        "a\nb",
        "a\nb\n",
        "a\n\n",
        "\na",
        " a\nb",
        " a\n b",
        "\n\n a\n",
        "a \nb",
        "a\n b",
        "a\n\tb",
        'a\n"""\nb\\',
        "a\r\nb",
        "\t\n",
    ),
    *("a\x85b\nc", "a\u2028b\nc", "\ufeff\n", "\0\n", "é\n😀", "a\n" * 40),
]
texts = (
    st.sampled_from(_TROUBLE)
    | st.text(max_size=20)
    | st.text("ab \n\t\r\\\"'#|:-{}[]&*!0\x85\u2028", max_size=12)
)
models = st.sampled_from(["openai/m", "mistralrs/tiny", "a b"])
samplings = st.builds(
    Sampling,
    max_tokens=st.none() | st.integers(1, 2**31 - 1),
    temperature=st.none()
    | st.integers(0, 2)
    | st.floats(0, 3e38, allow_subnormal=False)
    | st.floats(0, 2, allow_subnormal=False),
)
messages = st.builds(Message, st.sampled_from(["system", "user", "assistant"]), texts)
_leaves: st.SearchStrategy[Query] = st.one_of(
    messages,
    st.builds(Print, texts),
    st.builds(Map, models, st.lists(texts.filter(bool), max_size=3).map(tuple), samplings),
)


def _nodes(inside: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    several = st.lists(inside, max_size=4).map(tuple)
    generations = st.builds(Generate, models, inside, samplings)
    return st.one_of(
        *(st.builds(kind, several) for kind in (Seq, Par, Plus, Cross)),
        st.builds(Zip, inside, inside),
        st.builds(Monad, inside),
        generations,
        st.builds(Repeat, st.integers(1, 255), generations),
    )


queries: st.SearchStrategy[Query] = st.recursive(_leaves, _nodes, max_leaves=12)
"""Queries that JSON can carry."""


@st.composite
def _forms(draw: st.DrawFn, inside: st.SearchStrategy[str]) -> str:
    body, other, text = draw(inside), draw(inside), quote(draw(texts.filter(bool)))
    clauses = draw(st.permutations(['(model "openai/m")', f"(input {body} {other})", "(max-tokens 9)"]))
    return draw(
        st.sampled_from(
            [
                f"(seq {body} {other})",
                f"(cross (plus {body}) {other})",
                f"(par {body} {text})",
                f"(generate {' '.join(clauses)})",
                f'(g "openai/m" {body} 20 0.5)',
                f'(repeat 2 (g {body} (model (concat "a" "b"))))',
                f"(repeat 2 (user {text}))",
                f"(let ((made {text})) (seq made (user made) {body}))",
                f'(let ((once (g "openai/m" {body}))) (seq {other} once))',
                f'(foreach each (list {text} "b") (seq (system each) {body}))',
                f'(if (= {text} "b") {body} {other})',
                f"(zip {body} {other})",
                f"(monad {body} {other})",
                f'(map (inputs {text} "b") (temperature 0) (model "a"))',
            ]
        )
    )


programs = st.recursive(texts.map(lambda text: f"(user {quote(text)})"), _forms, max_leaves=6)
"""Programs whose queries JSON can carry, with what expansion does away with."""
