"""What well-formed text reads as."""

from __future__ import annotations

import pytest

from spnl.reader import MAX_DEPTH, read_text
from spnl.source import Source, Span
from spnl.syntax import Bool, List, Node, Number, Symbol, Text

ANYWHERE = Span(Source("made by hand", ""), 0, 0)


def number(value: int | float) -> Number:
    return Number(value, span=ANYWHERE)


def text(value: str) -> Text:
    return Text(value, span=ANYWHERE)


def symbol(name: str) -> Symbol:
    return Symbol(name, span=ANYWHERE)


def items(*nodes: Node) -> List:
    return List(nodes, span=ANYWHERE)


NUMBERS = {
    "0": 0,
    "1": 1,
    "+3": 3,
    "-2": -2,
    "007": 7,
    "123456789012345678901234567890": 123456789012345678901234567890,
    "9" * 500: int("9" * 500),
    "0.5": 0.5,
    "+0.5": 0.5,
    "-1.5e3": -1500.0,
    "1e-3": 0.001,
    "1E+2": 100.0,
    "2.0": 2.0,
    "1e-999": 0.0,
}


@pytest.mark.parametrize("source", NUMBERS)
def test_number(source: str) -> None:
    assert read_text(source).items == (number(NUMBERS[source]),)


STRINGS = {
    '""': "",
    '"a b"': "a b",
    '"two\nlines"': "two\nlines",
    r'"\"\\\n\t\r"': '"\\\n\t\r',
    r'"\u{41}\u{e9}\u{1F600}\u{10ffff}\u{0}"': "Aé😀\U0010ffff\0",
    r'"\\n"': "\\n",
    r'"\\\\"': "\\\\",
    '"(not a list) ; nor a comment #| nor this"': "(not a list) ; nor a comment #| nor this",
    '"“curly”"': "“curly”",
    '"\u00a0\u202e\0"': "\u00a0\u202e\0",
}


@pytest.mark.parametrize("source", STRINGS)
def test_string(source: str) -> None:
    assert read_text(source).items == (text(STRINGS[source]),)


BLOCKS = {
    '""""""': "",
    '"""\n"""': "",
    '"""\n\n"""': "",
    '"""\n\n\n"""': "\n",
    '"""one line"""': "one line",
    '"""  spaces  """': "  spaces  ",
    '"""\n  a\n    b\n  c\n  """': "a\n  b\nc",
    '"""\n    a\n  """': "a",
    '"""\n  a\n\n  b\n"""': "a\n\nb",
    '"""\n  a\n      \n  b\n"""': "a\n\nb",
    '"""\n   \n"""': "",
    '"""\n  a  \n"""': "a  ",
    '"""\n\ta\n\t\tb\n"""': "a\n\tb",
    '"""\n\ta\n  b\n"""': "\ta\n  b",
    '"""   \n  a"""': "a",
    '"""a\n    b\n    c"""': "a\nb\nc",
    '"""\n  a\n\n"""': "a\n",
    '"""\n  say "hi" and ""\n  """': 'say "hi" and ""',
    '""""quoted""""': '"quoted"',
    '"""two""""" ': 'two""',
    '"""\n  \\"""\n"""': '"""',
    '"""\n  a\\n  b\n"""': "a\n  b",
    '"""\n    \\tdeep\n  flat\n"""': "  \tdeep\nflat",
}


@pytest.mark.parametrize("source", BLOCKS)
def test_text_block(source: str) -> None:
    (node,) = read_text(source).items
    assert node == text(BLOCKS[source])
    assert isinstance(node, Text) and node.block


SYMBOLS = [
    *(
        "a",
        "contains?",
        "p/name",
        "+",
        "-",
        "*",
        "/",
        "<=",
        "->",
        "...",
        ".",
        "a.b",
        "x1",
        "Qwen3-1.7B",
        "!$%&~^@",
    ),
    *("été", "名前", "λ", "🦙", "a:b", "e5", "-e5", "+a", "--1"),
]


@pytest.mark.parametrize("name", SYMBOLS)
def test_symbol(name: str) -> None:
    assert read_text(name).items == (symbol(name),)


def test_bools_lists_and_several_data() -> None:
    assert read_text('#t #f() (a (b "c") 1)').items == (
        Bool(True, span=ANYWHERE),
        Bool(False, span=ANYWHERE),
        items(),
        items(symbol("a"), items(symbol("b"), text("c")), number(1)),
    )


def test_parentheses_need_no_space() -> None:
    assert read_text('a(b)"c"(d)1').items == read_text('a (b) "c" (d) 1').items


@pytest.mark.parametrize(
    "space", ["\t", "\n", "\r", "\r\n", "\f", "\v", "\u00a0", "\u2003", "\u3000", "\ufeff", "\u200b"]
)
def test_white_space_of_all_kinds_separates(space: str) -> None:
    assert read_text(f"a{space}b{space}").items == (symbol("a"), symbol("b"))


COMMENTS = {
    "a ; rest": ["; rest"],
    "a;rest\nb": [";rest"],
    "a ;": [";"],
    "#| in |# a": ["#| in |#"],
    "#||# a": ["#||#"],
    "#| a #| b |# c |# d": ["#| a #| b |# c |#"],
    "#|| # | |# a": ["#|| # | |#"],
    '#| "|# a': ['#| "|#'],
    "#| ; |# a": ["#| ; |#"],
    "; #| no\na": ["; #| no"],
    "#;b a": ["#;b"],
    "#; (b ; in\n c) a": ["#; (b ; in\n c)"],
    "#; #; b c a": ["#; #; b c"],
    "#; #| x |# b a": ["#; #| x |# b"],
    "(a ; one\n b #| two |# c #;three)": ["; one", "#| two |#", "#;three"],
    "a#|b|#c": ["#|b|#"],
    "#!/usr/bin/env spnl\na": ["#!/usr/bin/env spnl"],
}


@pytest.mark.parametrize("source", COMMENTS)
def test_comments_are_kept(source: str) -> None:
    program = read_text(source)
    assert [comment.text for comment in program.comments] == COMMENTS[source]
    assert program.items[0] == read_text(str(program)).items[0]


def test_comments_leave_the_data_alone() -> None:
    assert read_text("(a ; one\n b #| two |# c #;three)").items == read_text("(a b c)").items


@pytest.mark.parametrize(
    ("one", "other"), [("1", "1.0"), ("1", "#t"), ("0", "#f"), ("a", '"a"'), ("(a)", "a"), ("()", "((   ))")]
)
def test_what_differs_is_not_equal(one: str, other: str) -> None:
    assert read_text(one).items != read_text(other).items


def test_places_and_spelling_do_not_matter_to_equality() -> None:
    one, other = read_text('(a "x\\n" 1.50)'), read_text('\n( a """\nx\n\n""" 15e-1 )')
    assert one.items == other.items
    assert hash(one.items) == hash(other.items)
    assert one == other


PRINTED = {
    "( a  ( ) b )": "(a () b)",
    '"""\n  a\n  b\n"""': r'"a\nb"',
    r'"\t\r\u{7}\u{202e}é"': r'"\t\r\u{7}\u{202e}é"',
    "1.50": "1.5",
    "+3": "3",
    "1e16": "1e+16",
    "#t": "#t",
}


@pytest.mark.parametrize("source", PRINTED)
def test_print(source: str) -> None:
    (node,) = read_text(source).items
    assert str(node) == PRINTED[source]


def test_print_program_and_show_node() -> None:
    program = read_text("(a) ; comment\n b")
    assert str(program) == "(a)\nb"
    assert repr(program.items[0]) == "<List (a)>"
    assert program.span.text == "(a) ; comment\n b"


def test_deepest_nesting_that_is_allowed() -> None:
    source = "(" * MAX_DEPTH + ")" * MAX_DEPTH
    program = read_text(source)
    assert str(program) == source
    assert program == read_text(source)
    assert hash(program.items) == hash(read_text(source).items)


def test_spans() -> None:
    program = read_text('(a "b" ; c\n #|d|# -1.5) #t')
    outer, truth = program.items
    assert isinstance(outer, List)
    assert [node.span.text for node in (outer, *outer.items, truth)] == [
        '(a "b" ; c\n #|d|# -1.5)',
        *("a", '"b"', "-1.5"),
        "#t",
    ]
    assert str(outer.items[2].span) == "-c:2:8"
