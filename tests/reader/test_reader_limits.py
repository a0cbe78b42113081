"""Size and depth: nothing takes more than linear time, nothing is too deep to refuse."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import pytest

from spnl import reader
from spnl.errors import ReadError
from spnl.reader import MAX_DEPTH, read_all, read_text
from spnl.source import Source
from spnl.syntax import Program

# Each would take minutes if it took quadratic time; together they take a few seconds.
LARGE = {
    "string": '(user "' + "x" * 10_000_000 + '")',
    "escapes": '"' + "\\n" * 500_000 + '"',
    "bad escapes": '"' + "\\q" * 1_000_000 + '"',
    "unended string": '(user "' + "x" * 10_000_000,
    "unended escapes": '"' + '\\"' * 2_000_000,
    "unended block": '"""' + 'a"\n' * 1_000_000,
    "block": '"""\n' + ' a"\n' * 200_000 + '"""',
    "block of indentation": '"""\n' + " " * 500_000 + "a\n" + "  b\n" * 1000 + '"""',
    "symbol": "a" * 5_000_000,
    "bad symbol": "a" * 5_000_000 + "[",
    "digits": "1" * 5_000_000,
    "points": "1." * 2_000_000,
    "sharps": "#" * 5_000_000,
    "brackets": "[" * 2_000_000,
    "many brackets": "[ " * 200_000,
    "strays": ")" * 50_000,
    "touching": '""a' * 20_000,
    "comments": "; a\n" * 30_000 + "x",
    "comment": "#|" + "| # " * 1_000_000 + "|#x",
    "nested comments": "#|" * 30_000 + "|#" * 30_000 + "x",
    "unended comments": "#|" * 50_000,
    "datum comments": "#;" * 20_000 + "x " * 20_001,
    "unended datum comments": "#;" * 50_000,
    "white space": " " * 10_000_000 + "x",
    "flat list": "(" + "a " * 50_000 + ")",
    "many lists": "(a)\n" * 25_000,
    "unclosed": "(seq\n" + "  (a)\n" * 25_000,
    "unclosed lines": "(a\n" * (MAX_DEPTH - 1) + "(b) " * 20_000,
    "deep": "(" * 5_000_000,
}


@pytest.mark.parametrize("name", LARGE)
def test_large_texts_take_linear_time(name: str) -> None:
    start = time.process_time()
    read_all(Source("large", LARGE[name]))
    assert time.process_time() - start < 5


def test_a_megabyte_of_program() -> None:
    form = '(generate ; why\n  (model "tiny")\n  (max-tokens 100)\n  (input (cross (user "Why?\\n"))))\n'
    text = form * (1_000_000 // len(form))
    start = time.process_time()
    program = read_text(text)
    assert time.process_time() - start < 10  # takes about 1.2 s on two shared cores
    assert len(program.items) == len(program.comments) == len(text) // len(form)


def test_depth_is_limited_where_it_begins() -> None:
    assert read_text("(" * MAX_DEPTH + ")" * MAX_DEPTH).items
    with pytest.raises(ReadError) as caught:
        read_text("(" * 100_000)
    assert caught.value.id == "too-deep"
    assert caught.value.span is not None and caught.value.span.start == MAX_DEPTH


def test_siblings_are_not_depth() -> None:
    assert len(read_text("((a) (b))" * MAX_DEPTH).items) == MAX_DEPTH


def test_threads_may_read_at_once() -> None:
    texts = [f"(a{n} {f'(b {n} ; {n}{chr(10)}' * 50}{')' * 50})" for n in range(8)]
    alone = {text: read_text(text) for text in texts}
    together: dict[str, Program] = {}

    def read_often(text: str) -> None:
        for _ in range(3):
            together[text] = read_text(text)

    threads = [threading.Thread(target=read_often, args=(text,)) for text in texts]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert together == alone


def test_the_collector_is_left_as_it_was() -> None:
    assert gc.isenabled()
    read_all(Source("-c", "(a"))
    assert gc.isenabled()
    gc.disable()
    try:
        read_text("a")
        assert not gc.isenabled()
    finally:
        gc.enable()


class Kept(Source):
    """A source that tells when it is gone."""

    __slots__ = ("__weakref__",)


@pytest.mark.parametrize("text", ["(a ; b\n)", "(a", '"a"b', "[", "(" * 500])
def test_nothing_keeps_a_text_that_was_read(text: str) -> None:
    source = Kept("-c", text)
    kept = weakref.ref(source)
    read_all(source)
    del source
    gc.collect()
    assert kept() is None


def test_lark_is_imported_on_use_only() -> None:
    code = (
        "import sys, spnl.reader; assert 'lark' not in sys.modules;"
        "spnl.reader.read_text('a'); assert 'lark' in sys.modules"
    )
    checkout = Path(reader.__file__).parents[1]
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=checkout)
