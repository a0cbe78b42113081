"""Every error of reading and of writing queries, drawn exactly.

`errors/NAME.json.txt` is the error of `errors/NAME.json`, and likewise for YAML; for a program it is the
error of writing it as JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from goldens import check

from spnl.api import expand
from spnl.codec import read_json, read_yaml, write_json, write_program, write_yaml
from spnl.codec.decode import MAX_TOKENS
from spnl.codec.encode import MAX_LEVELS
from spnl.codec.yaml_reader import MAX_ALIASED
from spnl.diagnostics import render
from spnl.errors import ProgramError
from spnl.query import Generate, Map, Message, Monad, Print, Query, Repeat, Seq, Zip
from spnl.reader import MAX_DEPTH
from spnl.source import Source

ERRORS = Path(__file__).parent / "errors"
CASES = sorted(path for path in ERRORS.iterdir() if path.suffix != ".txt")


def provoke(path: Path) -> None:
    """Read the file or, if it is a program, write it as JSON."""
    source = Source(path.name, path.read_text(encoding="utf-8"))
    if path.suffix == ".json":
        read_json(source)
    elif path.suffix == ".yaml":
        read_yaml(source)
    else:
        write_json(expand(source))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_error(path: Path) -> None:
    with pytest.raises(ProgramError) as caught:
        provoke(path)
    check(ERRORS / f"{path.name}.txt", render(caught.value, color=False))


def error_of_json(text: str) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        read_json(Source("q.json", text))
    return caught.value


def error_of_yaml(text: str) -> ProgramError:
    with pytest.raises(ProgramError) as caught:
        read_yaml(Source("q.yaml", text))
    return caught.value


def test_every_golden_has_its_case() -> None:
    assert {path.name for path in ERRORS.glob("*.txt")} == {f"{path.name}.txt" for path in CASES}


@pytest.mark.parametrize("text", ["", "  \n ", "\n\n"])
def test_a_text_that_holds_nothing(text: str) -> None:
    assert error_of_json(text).message == "there is no query in q.json: it is empty"
    assert error_of_yaml(text).message == "there is no query in q.yaml: it is empty"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"seq":[' * 100_000, '{"a":' * 100_000])
def test_depth_beyond_all_bounds_is_an_error(text: str) -> None:
    for error in (error_of_json(text), error_of_yaml(text)):
        assert error.id == "too-deep"
        assert error.span is not None and error.span.start < 9 * MAX_DEPTH


def test_depth_of_blocks_is_bounded() -> None:
    assert error_of_yaml("- " * 100_000).id == "too-deep"


def monads(levels: int) -> str:
    return '{"monad":' * (levels - 1) + '{"user":"a"}' + "}" * (levels - 1)


def test_depth_up_to_the_bound_is_none() -> None:
    query = read_json(Source("q.json", monads(MAX_DEPTH)))
    assert read_yaml(Source("q.yaml", monads(MAX_DEPTH))) == query
    assert expand(write_program(query)) == query
    assert error_of_json(monads(MAX_DEPTH + 1)).id == "too-deep"


A: Query = Message("user", "a")
G = Generate("m", A)

LAYERS: dict[str, Callable[[Query], Query]] = {
    "seq": lambda inside: Seq((inside,)),
    "zip": lambda inside: Zip(A, inside),
    "g": lambda inside: Generate("m", inside),
    "repeat": lambda inside: Repeat(2, Generate("m", inside)),
}
CORES = {
    "message": A,
    "print": Print("a"),
    "seq": Seq(()),
    "g": G,
    "repeat": Repeat(2, G),
    "map": Map("m", ("a",)),
}


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("core", CORES)
def test_json_is_written_as_deep_as_upstream_reads_it(layer: str, core: str) -> None:
    """Upstream's parser stops at 128 lists and objects; `tests/codec/test_upstream_package.py` asks it."""
    query = LAYERS[layer](CORES[core])
    for _ in range(MAX_LEVELS - deepest(write_json(query))):
        query = Monad(query)
    assert deepest(write_json(query)) == MAX_LEVELS
    with pytest.raises(ProgramError, match="queries as deep as this"):
        write_json(Monad(query))


def deepest(written: str) -> int:
    """How deep the lists and objects of a text are; its strings have no brackets."""
    depth = most = 0
    for character in written:
        depth += (character in "([{") - (character in ")]}")
        most = max(most, depth)
    return most


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("core", CORES)
def test_programs_are_written_as_deep_as_they_are_read(layer: str, core: str) -> None:
    query = LAYERS[layer](CORES[core])
    for _ in range(20):
        query = LAYERS[layer](query)
    for _ in range(MAX_DEPTH - deepest(write_program(query))):
        query = Monad(query)
    assert expand(write_program(query)) == query
    with pytest.raises(ProgramError, match=f"more than {MAX_DEPTH} deep") as caught:
        write_program(Monad(query))
    assert caught.value.id == "not-in-program"


def test_a_query_that_is_deeper_than_any_text() -> None:
    query: Query = Message("user", "a")
    for _ in range(100_000):
        query = Monad(query)
    for write in (write_json, write_yaml, write_program):
        with pytest.raises(ProgramError, match=f"more than {MAX_DEPTH} deep"):
            write(query)


def test_aliases_that_would_be_billions_of_values_are_an_error() -> None:
    lines = ["- &a0 {user: x}"]
    lines += [f"- &a{n} {{seq: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 10)]
    error = error_of_yaml("seq:\n" + "\n".join(f"  {line}" for line in lines))
    assert error.message == f"the aliases of this text stand for more than {MAX_ALIASED} values"


def test_aliases_cannot_make_a_query_deeper_than_its_text_may_be() -> None:
    def nest(inner: str, levels: int) -> str:
        return "{monad: " * levels + inner + "}" * levels

    first = f"- &a {nest('{user: x}', MAX_DEPTH // 2)}"
    assert error_of_yaml(f"seq:\n{first}\n- {nest('*a', MAX_DEPTH // 2)}").id == "too-deep"


@pytest.mark.parametrize(
    ("number", "accepted"),
    [
        *(("0", True), ("0.0", True), ("-0.0", True), ("1e308", True), ("2", True), ("1e-9", True)),
        *(("-1e-9", False), ("-1", False), ("1e309", False), ("true", False)),
    ],
)
def test_temperatures_are_those_of_the_language(number: str, accepted: bool) -> None:
    text = f'{{"g": {{"model": "m", "input": {{"user": "a"}}, "temperature": {number}}}}}'
    if accepted:
        query = read_json(Source("q.json", text))
        assert expand(f'(g (model "m") (input "a") (temperature {number}))') == query
    else:
        assert error_of_json(text).id == "bad-query"
        with pytest.raises(ProgramError):
            expand(f'(g (model "m") (input "a") (temperature {number.replace("true", "#t")}))')


@pytest.mark.parametrize(
    "word",
    [
        *(
            "no",
            "Yes",
            "ON",
            "off",
            "n",
            "Y",
            "True",
            "Null",
            "1:30",
            "1:30.5",
            "017",
            "0o17",
            "0x1F",
            "0b1",
            "1_000",
        ),
        *("+1", ".5", "1.", ".inf", "-.INF", ".nan", "2024-01-01", "2024-01-01 10:00:00", "=", "<<"),
    ],
)
def test_words_that_yaml_readers_disagree_about_stand_in_quotes(word: str) -> None:
    """Each is something else than a text to YAML 1.1 or 1.2."""
    error = error_of_yaml(f"user: {word}")
    assert "which YAML readers may take for" in error.message
    assert error.helps == (f'write `"{word}"`',)
    assert read_yaml(Source("q.yaml", f'user: "{word}"')) == Message("user", word)


@pytest.mark.parametrize("word", ["nope", "1e", "0.7.1", "v1.2", "12:61x", "a b", "é"])
def test_words_that_are_texts_to_every_reader_need_no_quotes(word: str) -> None:
    assert read_yaml(Source("q.yaml", f"user: {word}")) == Message("user", word)


def test_tokens_are_those_of_upstreams_type() -> None:
    text = '{"g": {"model": "m", "input": {"user": "a"}, "max_tokens": %s}}'
    read_json(Source("q.json", text % MAX_TOKENS))
    for wrong in (MAX_TOKENS + 1, -1, "1.0", "true"):
        assert error_of_json(text % wrong).id == "bad-query"


def test_a_number_of_many_digits_is_refused_at_once() -> None:
    """Python takes quadratic time to make a number of its digits, and refuses more than 4,300."""
    for digits in (400, 1_000_000):
        assert error_of_json('{"user": ' + "9" * digits + "}").message == "this number is too large"
    assert error_of_yaml("user: " + "9" * 1_000_000).message == "this number is too large"


def test_bytes_of_the_command_line_that_are_no_text() -> None:
    query = Seq((Message("user", "a\udcff"),))
    for write, target in ((write_json, "JSON"), (write_yaml, "YAML"), (write_program, "a program")):
        with pytest.raises(ProgramError, match=f"{target} cannot carry bytes that are no text"):
            write(query)


def test_programs_cannot_carry_what_is_shared() -> None:
    query = expand('(let ((a (g "x"))) (seq a a))')
    with pytest.raises(ProgramError) as caught:
        write_program(query)
    assert caught.value.id == "not-in-program"


def test_a_program_carries_sampling_that_json_cannot() -> None:
    program = (
        '(map (system "s") (inputs "a") (temperature 0.5) (top-p 0.9) (top-k 3) (min-p 0.1) (stop "\\n" "x") '
        "(frequency-penalty -1) (presence-penalty 1.5) (repetition-penalty 1.1) (think #f))"
    )
    query = expand(program)
    assert expand(write_program(query)) == query


def test_a_model_from_outside_stands_in_place_of_every_one() -> None:
    query = expand('(par (g "a") (repeat 2 (g "b" (model "m"))) (map "c"))')
    models = write_json(query, model="n").count('"model": "n"')
    assert models == write_program(query, model="n").count('(model "n")') == 3


def test_a_map_with_a_system_message_is_written_out() -> None:
    query = expand('(map (model "m") (system "s") (inputs "a" "b") (max-tokens 5))')
    meant = expand(
        '(par (g (model "m") (max-tokens 5) (seq (system "s") (user "a")))'
        '     (g (model "m") (max-tokens 5) (seq (system "s") (user "b"))))'
    )
    assert write_json(query) == write_json(meant)


def test_a_repeat_too_many_is_refused_where_it_is() -> None:
    query = expand('(seq "a" (repeat 256 (g "b" (model "m"))))')
    assert isinstance(query, Seq) and isinstance(query.children[1], Repeat)
    with pytest.raises(ProgramError) as caught:
        write_yaml(query)
    assert caught.value.message == "YAML cannot carry a `repeat` of more than 255"
    assert caught.value.span == query.children[1].span
