"""Upstream's own package reads the JSON that we write, and asks for the same generations as we do.

The package on the index has our import name, so it runs in an environment of its own: the interpreter that
`SPNL_UPSTREAM_PYTHON` names or, in the long tests, a new environment. It speaks to a scripted server on this
machine, whose reply to a request depends on its messages alone; our executor hears the same replies.

What is known to differ is listed here, and in docs/upstream.md.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections import Counter
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from made_queries import queries
from scripted import ScriptedEngine, ScriptedModels
from upstream_package import Asked, Upstream, as_upstream, reply_to, running

from spnl import run
from spnl.api import expand
from spnl.backends.base import Request
from spnl.backends.pool import ModelPool
from spnl.codec import read_json, write_json
from spnl.codec.encode import MAX_LEVELS
from spnl.errors import ProgramError
from spnl.query import (
    Generate,
    Map,
    Message,
    Monad,
    Print,
    Query,
    Repeat,
    Structure,
    Zip,
    children,
    is_static,
)
from spnl.source import Source

PINNED = "spnl==0.22.1"
MODEL = "openai/m"

PROGRAMS = [
    '(g (user "a"))',
    '(g "a" (max-tokens 7))',
    '(g "a" (temperature 0))',
    '(g "a" (temperature 0.7) (max-tokens 1))',
    '(g (seq (system "s") (user "a") (assistant "b") (user "c")))',
    '(g (cross (system "s") (plus (user "a") (user "b")) (user "c")))',
    '(g (par "a" "b"))',
    '(g (plus "a" (seq "b" (cross "c" "d"))))',
    '(g (seq "a" "" (user "")))',
    '(g (user "tabs\\tand\\nlines \\\\ \\" é 日本 😀 \\u{0}\\u{7f}\\u{2028}"))',
    '(seq (g "a") (g "b"))',
    '(par (g "a") (g "b") "c")',
    '(plus (g "a") (g "b") (g "c"))',
    '(cross (g "a") "b" (g "c"))',
    '(par (g "a"))',
    '(plus (g "a"))',
    '(seq (seq (g "a")))',
    "(seq)",
    "(par (seq))",
    '(system "alone")',
    '(seq "a" (assistant "b") (system "c"))',
    '(g (g "a"))',
    '(g (seq (system "s") (g "a") (user "b")))',
    '(g (g (g (g "a"))))',
    '(g (plus (g "a" (temperature 0.1)) (g "b" (temperature 0.9))))',
    '(g (par (g "a") (g "b" (max-tokens 3))))',
    '(repeat 3 (g "a" (temperature 1)))',
    '(repeat 1 (g "a"))',
    '(repeat 255 (g "a" (max-tokens 2)))',
    '(g (seq (system "pick the best") (plus (repeat 4 (g "write a mail" (max-tokens 20)))) "sign it"))',
    '(map (inputs "a" "b" "c"))',
    '(map (inputs "a" "b") (temperature 0.2) (max-tokens 9))',
    '(map (inputs "a"))',
    '(g (seq (map (inputs "a" "b")) "join them"))',
    '(map (system "s") (inputs "a" "b"))',
    '(zip "f" (par (g "a") (g "b")))',
    '(zip (plus "f" "h") (seq (g "a") (g "b")))',
    '(zip (g "f") (g "a"))',
    '(g (zip "f" (plus "a" "b")))',
    '(seq (monad (g "warm" (max-tokens 1))) (g "a"))',
    '(monad "a")',
    '(g (seq (monad (g "warm")) "a"))',
    '(let ((name (g "a name"))) (g (seq "greet" name)))',
    '(foreach x (list "a" "b" "c") (g (format "say {x}")))',
    '(extract (model "openai/m") (n 2) (plus (g "a") (g "b")))',
    '(combine "openai/m" (plus (g "a") (g "b")))',
    '(par (map (inputs "a" "b")) (repeat 2 (g "c")) (g "d"))',
    '(seq "x" (par (seq (g "a") "b") (cross "c" (g "d"))))',
]
"""Programs for which upstream and we agree, in requests and in answer."""


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    named = os.environ.get("SPNL_UPSTREAM_PYTHON")
    if named is not None:
        with running(Path(named)) as package:
            yield package
        return
    folder = tmp_path_factory.mktemp("upstream")
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    installed = subprocess.run([python, "-m", "pip", "install", "--quiet", PINNED], check=False)
    if installed.returncode != 0:
        pytest.skip(f"{PINNED} cannot be installed here")
    with running(python) as package:
        yield package


pytestmark = [pytest.mark.soak] if "SPNL_UPSTREAM_PYTHON" not in os.environ else []


def counted(asked: list[Asked]) -> Counter[Asked]:
    """How often each generation was asked for; we ask for equal ones at temperature 0 once."""
    return Counter({one: n if one.temperature else 1 for one, n in Counter(asked).items()})


def ours(query: Query) -> tuple[str, list[Asked]]:
    """Our own answer, and what we ask for."""

    def script(request: Request) -> str:
        return reply_to(request.messages)

    engine = ScriptedEngine(script)
    text = run(query, models=ScriptedModels(engine)).text
    return text, [
        Asked(
            request.messages,
            request.sampling.max_tokens or 0,
            as_upstream(request.sampling.temperature or 0),
        )
        for request in engine.requests
    ]


@pytest.mark.parametrize("program", PROGRAMS)
def test_upstream_asks_for_what_we_ask_for(upstream: Upstream, program: str) -> None:
    query = expand(program)
    written = write_json(query, model=MODEL)
    told, asked = upstream.execute(written)
    text, wanted = ours(read_json(Source("q.json", written)))
    assert told == {"data": text}
    assert counted(asked) == Counter(wanted)


@pytest.mark.parametrize("program", PROGRAMS)
def test_our_client_asks_its_server_for_what_upstream_asks_for(
    upstream: Upstream, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One server, asked by both: the same generations, and the same answer of what it says."""
    query = expand(program)
    written = write_json(query, model=MODEL)
    told, theirs = upstream.execute(written)
    upstream.forget()
    monkeypatch.setenv("OPENAI_API_BASE", upstream.url)
    pool = ModelPool()
    text = run(read_json(Source("q.json", written)), models=pool).text
    pool.unload_all()
    assert told == {"data": text}
    assert counted(theirs) == Counter(upstream.asked)


def test_the_words_of_a_request_are_upstreams_but_for_what_is_listed(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = write_json(expand('(g (seq (system "s") "a" (assistant "b") "c") (max-tokens 7))'), model=MODEL)
    upstream.execute(written)
    (theirs,) = upstream.bodies
    upstream.forget()
    monkeypatch.setenv("OPENAI_API_BASE", upstream.url)
    pool = ModelPool()
    run(read_json(Source("q.json", written)), models=pool)
    pool.unload_all()
    (asked,) = upstream.bodies
    assert {word: theirs.pop(word) for word in ("n", "reasoning_effort")} == {
        "n": 1,
        "reasoning_effort": "low",
    }
    assert asked.pop("stream_options") == {"include_usage": True}
    theirs["temperature"] = round(theirs["temperature"], 5)
    assert asked == theirs


def everything_in(query: Query) -> Iterator[Query]:
    yield query
    for child in children(query):
        yield from everything_in(child)


def holds_nothing(query: Query) -> bool:
    """Whether a node is an empty message or structure, which upstream drops before it pairs."""
    match query:
        case Message(text=inside) | Structure(children=inside):
            return not inside
    return False


def is_known_to_differ(query: Query) -> bool:
    """Whether a node is one of `DIFFERENCES`, or asks for more than is worth asking here."""
    match query:
        case Print():
            return True
        case Repeat(n=n, generate=generate):
            inside = everything_in(generate.input)
            return n > 5 or not is_static(generate.input) or any(map(holds_nothing, inside))
        case Zip(first=first, second=second):
            return any(map(holds_nothing, (*everything_in(first), *everything_in(second))))
        case Generate(sampling=sampling) | Map(sampling=sampling):
            return (sampling.temperature or 0) > 2
    return False


@settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
@given(queries)
def test_upstream_asks_for_what_we_ask_for_in_generated_queries(upstream: Upstream, query: Query) -> None:
    assume(not any(map(is_known_to_differ, everything_in(query))))
    written = write_json(query, model=MODEL)
    try:
        _, wanted = ours(read_json(Source("q.json", written)))
    except ProgramError as error:
        assert error.id == "empty-input"
        reject()
    told, asked = upstream.execute(written)
    assert "error" not in told
    # A temperature that is almost 0 is none of those that are asked for once, and looks like one here.
    assert counted(asked) == counted(wanted)


A = {"user": "a"}
A_SAID, NOTHING_SAID = reply_to([("user", "a")]), reply_to([])


def generation(of: object, **more: object) -> dict[str, object]:
    return {"g": {"model": MODEL, **more, "input": of}}


def repeat(n: int, of: object) -> dict[str, object]:
    return {"repeat": {"n": n, **generation(of)}}


class Difference(NamedTuple):
    """A query of which upstream makes something else than we do.

    What is said is an answer, or a part of an error: of upstream's message, of our id. With each stands how
    many generations were asked for.
    """

    query: object
    theirs: tuple[str, int]
    ours: tuple[str, int]


DIFFERENCES = {
    "an input that comes to nothing": Difference(
        generation({"seq": []}), theirs=(NOTHING_SAID, 1), ours=("empty-input", 0)
    ),
    "a generation within what is repeated is dropped": Difference(
        repeat(1, generation(A)), theirs=(NOTHING_SAID, 1), ours=(reply_to([("assistant", A_SAID)]), 2)
    ),
    "no repetition": Difference(repeat(0, A), theirs=("", 0), ours=("bad-query", 0)),
    "an empty message within what is repeated is sent": Difference(
        repeat(1, {"seq": [{"system": ""}, A]}),
        theirs=(reply_to([("system", ""), ("user", "a")]), 1),
        ours=(A_SAID, 1),
    ),
    "an empty input of a map": Difference(
        {"map": {"metadata": {"model": MODEL}, "inputs": [""]}},
        theirs=(reply_to([("user", "")]), 1),
        ours=("empty-input", 0),
    ),
    "unknown keys are passed over": Difference(
        generation(A, **{"max-tokens": 7}), theirs=(A_SAID, 1), ours=("bad-query", 0)
    ),
    "fewer tokens than none": Difference(
        generation(A, max_tokens=-7), theirs=(A_SAID, 1), ours=("bad-query", 0)
    ),
    "print is not in the package": Difference(
        {"seq": [{"print": "x"}, A]}, theirs=("did not match any variant", 0), ours=("x\na", 0)
    ),
    "an empty cross is an empty line": Difference(
        {"seq": [{"cross": []}, A]}, theirs=("\na", 0), ours=("a", 0)
    ),
    "depth": Difference(
        reduce(lambda inner, _: {"monad": inner}, range(127), A), theirs=("recursion limit", 0), ours=("", 0)
    ),
}


@pytest.mark.parametrize("known", DIFFERENCES.values(), ids=DIFFERENCES)
def test_what_differs(upstream: Upstream, known: Difference) -> None:
    query = json.dumps(known.query)
    told, asked = upstream.execute(query)
    said, requests = known.theirs
    assert said == told["data"] if "data" in told else said in told["error"]
    assert len(asked) == requests
    try:
        text, wanted = ours(read_json(Source("q.json", query)))
    except ProgramError as error:
        text, wanted = error.id, []
    assert (text, len(wanted)) == known.ours


def test_an_absent_temperature_is_ours_and_null_is_none(upstream: Upstream) -> None:
    """Upstream sends 0 to a server where the temperature is null; for us null is what is not said: 0.6."""

    def temperatures(query: object) -> tuple[float, float]:
        _, theirs = upstream.execute(json.dumps(query))
        _, wanted = ours(read_json(Source("q.json", json.dumps(query))))
        return theirs[0].temperature, wanted[0].temperature

    assert temperatures(generation(A)) == (0.6, 0.6)
    assert temperatures(generation(A, temperature=None)) == (0.0, 0.6)


def test_upstream_reads_the_deepest_that_we_write(upstream: Upstream) -> None:
    query: Query = Message("user", "a")
    for _ in range(MAX_LEVELS - 1):
        query = Monad(query)
    assert upstream.execute(write_json(query))[0] == {"data": ""}
