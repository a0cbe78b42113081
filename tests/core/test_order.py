"""The order of work: that of the source, but for beginnings of prompts that would be forgotten too early."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spnl.executor.order import BLOCK, Blocks, Order, blocks_of, common


class Work:
    """What waits in these tests: a name, and a prompt that begins with the letters of `family`."""

    def __init__(self, name: str, family: str = "", own: int = 0) -> None:
        self.name = name
        begun = "".join(letter * BLOCK for letter in family)
        self.blocks = blocks_of([("user", begun + name * own + name)])

    def __repr__(self) -> str:
        return self.name


class Ran(NamedTuple):
    """The names in the order of work, and how many blocks were read in all."""

    names: list[str]
    read: int


def run(works: list[Work], lending: int) -> Ran:
    """Work through everything on an engine that remembers `lending` prompts, one after the other."""
    order: Order[Work] = Order(lending)
    for work in works:
        order.add(work)
    return run_all(order, lending)


def run_all(order: Order[Work], lending: int) -> Ran:
    remembered: deque[Blocks] = deque(maxlen=lending)
    names, read = [], 0
    while order:
        work = order.next()
        order.take(work)
        reused = max((common(work.blocks, blocks) for blocks in remembered), default=0)
        assert order.lent(work) == reused
        names.append(work.name)
        read += len(work.blocks) - reused
        remembered.append(work.blocks)
        order.finished(work.blocks)
    return Ran(names, read)


def interleaved(families: str, rounds: int) -> list[Work]:
    return [Work(f"{family}{number}", family * 4) for number in range(rounds) for family in families]


def test_prompts_have_in_common_what_they_begin_with() -> None:
    one, other = blocks_of([("user", "a" * 1000)]), blocks_of([("user", "a" * 600 + "b" * 400)])
    assert (len(one), len(other), common(one, other), common(other, one)) == (3, 3, 2, 2)
    assert common(one, one) == 3
    assert common(one, blocks_of([("system", "a" * 1000)])) == 0
    assert blocks_of([("user", "short")]) == ()


def test_a_message_is_not_the_same_as_two() -> None:
    one, two = blocks_of([("user", "a" * 600)]), blocks_of([("user", "a" * 300), ("user", "a" * 300)])
    assert common(one, two) == 1


@pytest.mark.parametrize("lending", [0, 4, 16])
def test_source_order_stays_where_nothing_would_be_gained(lending: int) -> None:
    """With no memory there is nothing to keep; with enough of it everything is kept."""
    works = interleaved("abcd", 8)
    assert run(works, lending).names == [work.name for work in works]


def test_work_that_begins_alike_is_kept_together_where_the_memory_is_small() -> None:
    """Each beginning is read once, as in the best order; in that of the source, none would be kept."""
    ran = run(interleaved("abcd", 8), 2)
    assert ran.names[:3] == ["a0", "b0", "a1"]
    assert ran.read == 4 * 4
    assert [name for name in ran.names if name[0] in "cd"][:3] == ["c0", "d0", "c1"]


def test_the_first_is_first() -> None:
    for lending in range(5):
        assert run(interleaved("abcd", 3), lending).names[0] == "a0"


def test_the_longest_beginning_counts() -> None:
    """Under one preamble, work on one document stays together."""
    works = [Work(f"{document}{n}", f"pp{document * 3}") for n in range(4) for document in "xyz"]
    assert run(works, 1).read == 2 + 3 * 3


def test_work_comes_before_what_waits() -> None:
    order: Order[Work] = Order(4)
    first, second, third = Work("1", "a"), Work("2", "a"), Work("3", "a")
    order.add(second)
    order.add(third)
    order.add(first, first=True)
    assert run_all(order, 4).names == ["1", "2", "3"]


def test_kin_is_what_others_that_wait_have_in_common_with_one() -> None:
    order: Order[Work] = Order(4)
    one, other, stranger = Work("1", "aab"), Work("2", "aac"), Work("3", "zzz")
    for work in (one, other, stranger):
        order.add(work)
    assert [order.kin(work) for work in (one, other, stranger)] == [2, 2, 0]
    order.take(other)
    assert (order.kin(one), order.kin(other)) == (0, 2)


def test_memory_of_another_size_keeps_what_was_read_last() -> None:
    order: Order[Work] = Order(4)
    works = [Work(letter, letter) for letter in "abc"]
    for work in works:
        order.finished(work.blocks)
    order.remember(2)
    assert [order.lent(work) for work in works] == [0, 1, 1]


families = st.text("ab", max_size=4)
works = st.lists(families, max_size=24).map(
    lambda found: [Work(f"{index}", family) for index, family in enumerate(found)]
)


@given(works, st.integers(0, 6))
def test_everything_runs_once(works: list[Work], lending: int) -> None:
    ran = run(works, lending)
    assert sorted(ran.names) == sorted(work.name for work in works)
    assert ran.names[:1] == [work.name for work in works[:1]]


@given(works)
def test_with_memory_for_everything_the_source_decides(works: list[Work]) -> None:
    assert run(works, len(works) + 1).names == [work.name for work in works]


@given(st.lists(st.sampled_from("abcdef"), max_size=40), st.integers(1, 4))
def test_each_beginning_is_read_once(letters: list[str], lending: int) -> None:
    """Whatever the order given, and however small the memory."""
    works = [Work(f"{letter}{index}", letter * 2) for index, letter in enumerate(letters)]
    assert run(works, lending).read == 2 * len(set(letters))


@given(st.lists(st.sampled_from("abcdef"), max_size=40), st.integers(1, 4))
def test_work_that_begins_alike_stays_in_the_order_of_the_source(letters: list[str], lending: int) -> None:
    works = [Work(f"{letter}{index}", letter * 2) for index, letter in enumerate(letters)]
    names = run(works, lending).names
    for letter in "abcdef":
        own = [name for name in names if name.startswith(letter)]
        assert own == sorted(own, key=lambda name: int(name[1:]))


def test_with_patience_the_first_is_passed_so_often_and_no_more() -> None:
    """Where work never ends, as on a server, what needs no beginning would else never have its turn."""
    names: dict[int | None, list[str]] = {}
    for patience in (None, 3):
        order: Order[Work] = Order(1, patience)
        for work in [Work("a0", "a"), Work("z", "z"), *(Work(f"a{number}", "a") for number in range(1, 7))]:
            order.add(work)
        names[patience] = run_all(order, 1).names
    assert names[None] == ["a0", "a1", "a2", "a3", "a4", "a5", "a6", "z"]
    assert names[3] == ["a0", "a1", "a2", "a3", "z", "a4", "a5", "a6"]
