"""Sequences whose buffers differ in size never meet in one step of the engine, which would kill it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from engine.asking import request
from fixtures_models import ModelFiles
from scripted import PATIENCE

import spnl
from spnl.backends.base import Engine, Finish, Request
from spnl.backends.mistralrs.buffers import BLOCK, Buffers, Running, size_for
from spnl.backends.mistralrs.engine import MistralrsEngine
from spnl.backends.pool import ModelPool
from spnl.errors import GenerationError
from spnl.query import Sampling

PAIRS = 20


def pairs_of_two_sizes(engine: Engine, guarded: bool) -> None:
    """Have prompts of one length run two at a time, of which one is lent a large buffer and one a small."""
    assert isinstance(engine, MistralrsEngine)
    if not guarded:
        engine._buffers = Buffers(lends=False)

    def ask(first: str, count: int, last: str, most: int) -> None:
        text = " ".join([first] * count + [last] * 10)
        reused = list(engine.stream(Request((("user", text),), Sampling(max_tokens=most, temperature=0.0))))[
            -1
        ]
        assert isinstance(reused, Finish)
        assert last == "paper" or reused.usage.cached_tokens >= 100

    ask("stone", 600, "paper", 2)
    ask("river", 60, "paper", 2)
    with ThreadPoolExecutor(2) as threads:
        for number in range(PAIRS):
            asked = [threads.submit(ask, first, 50, str(number), 30) for first in ("stone", "river")]
            for done in asked:
                done.result()


def test_two_sizes_never_meet(files: ModelFiles) -> None:
    pairs_of_two_sizes(ModelPool().get(str(files.endless)), guarded=True)


def test_the_engine_would_die_of_them_and_starts_anew(files: ModelFiles) -> None:
    """An ask that came while it died may end with it, and the next one does not."""
    pool = ModelPool()
    try:
        pairs_of_two_sizes(pool.get(str(files.endless)), guarded=False)
    except GenerationError as error:
        assert error.id == "engine-died"
    else:
        pytest.fail(f"{PAIRS} pairs ran together: the engine's fault seems to be gone, and `buffers` may go")
    answer = spnl.run('(g "paper" (max-tokens 3) (retry 1))', model=str(files.endless), models=pool)
    assert answer.replies[0].usage.completion_tokens == 3


def finish(buffers: Buffers, tokens: int) -> None:
    with buffers.place(lambda: tokens) as running:
        running.total = tokens


def entered(buffers: Buffers, tokens: int) -> tuple[Callable[[], None], threading.Event]:
    """A thread that takes a place: what has it leave, and what says that it is in."""
    inside, leave = threading.Event(), threading.Event()

    def work() -> None:
        with buffers.place(lambda: tokens) as running:
            inside.set()
            assert leave.wait(PATIENCE)
            running.total = tokens

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def end() -> None:
        leave.set()
        thread.join(PATIENCE)

    return end, inside


def test_the_call_and_not_the_reply_waits_for_a_place(files: ModelFiles) -> None:
    """So the time of a reply is its own."""
    engine = ModelPool().get(str(files.endless))
    list(engine.stream(request("stone " * 600, max_tokens=2)))
    long = engine.stream(request("stone " * 600, max_tokens=400))
    next(long)
    opened: list[object] = []
    thread = threading.Thread(target=lambda: opened.append(engine.stream(request("paper", max_tokens=2))))
    thread.start()
    thread.join(0.05)
    assert not opened
    long.close()  # type: ignore[attr-defined]
    thread.join(PATIENCE)
    assert opened


def test_what_grows_alike_is_let_in_together() -> None:
    buffers = Buffers(lends=True)
    finish(buffers, 100)
    ends = [entered(buffers, 120) for _ in range(3)]
    for _, inside in ends:
        assert inside.wait(PATIENCE)
    for end, _ in ends:
        end()


def test_a_prompt_that_may_be_lent_a_larger_buffer_is_alone() -> None:
    """It waits for those that run, and those that come after it wait for it."""
    buffers = Buffers(lends=True)
    end_long, inside_long = entered(buffers, BLOCK + 1)
    assert inside_long.wait(PATIENCE)
    end_short, inside_short = entered(buffers, 10)
    assert not inside_short.wait(0.05)
    end_long()
    assert inside_short.wait(PATIENCE)
    end_next, inside_next = entered(buffers, BLOCK + 1)
    assert not inside_next.wait(0.05)
    end_short()
    assert inside_next.wait(PATIENCE)
    end_next()


def size_of_a_short_prompt(buffers: Buffers) -> int:
    with buffers.place(lambda: 10) as running:
        return running.size


def test_a_long_prompt_is_remembered_until_the_engine_is_built_anew() -> None:
    buffers = Buffers(lends=True)
    finish(buffers, 3 * BLOCK)
    assert size_of_a_short_prompt(buffers) == 3 * BLOCK
    finish(buffers, 10)
    assert size_of_a_short_prompt(buffers) == 3 * BLOCK
    buffers.forget()
    assert size_of_a_short_prompt(buffers) == BLOCK


def test_an_engine_that_remembers_nothing_lends_nothing() -> None:
    buffers = Buffers(lends=False)
    finish(buffers, 3 * BLOCK)
    assert size_of_a_short_prompt(buffers) == BLOCK


@pytest.mark.parametrize("tokens, size", [(0, 512), (1, 512), (512, 512), (513, 1024), (1025, 1536)])
def test_buffers_grow_in_blocks(tokens: int, size: int) -> None:
    assert size_for(tokens) == size


def test_a_sequence_that_runs_may_be_larger_than_what_was_seen_of_it() -> None:
    running = Running(480, 0)
    assert running.size == BLOCK
    running.pieces = 20
    assert running.size == 2 * BLOCK
    running.total = 500
    assert running.size == BLOCK
