"""The answer's order: the first unfinished text is live, later ones wait, and what is no part never shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from recording import RecordedObserver, RecordedOutput, run, saying
from scripted import Gate, ScriptedEngine

from spnl.executor.answer import Answer, PrintsOnly
from spnl.executor.results import Leaf, Reply


def opening(gates: dict[str, Gate]) -> RecordedObserver:
    """An observer that opens the gate named after a reply's text."""

    def on_reply(reply: Reply) -> None:
        if reply.text in gates:
            gates[reply.text].open()

    return RecordedObserver(on_reply)


def halting(gate: Gate, *pieces: str) -> Callable[[], Iterator[str]]:
    """A reply of several pieces that waits at a gate before its last."""

    def reply() -> Iterator[str]:
        yield from pieces[:-1]
        gate.wait()
        yield pieces[-1]

    return reply


def played(
    program: str, gates: dict[str, Gate], replies: dict[str, Any], parallel: int = 3
) -> RecordedOutput:
    """What a program shows, where each gate opens when the reply it is named after is complete."""
    output = RecordedOutput()
    engine = ScriptedEngine(saying(replies), parallel=parallel)
    run(program, engine, output=output, observer=opening(gates))
    return output


def test_the_first_unfinished_text_is_live_and_a_later_one_waits() -> None:
    """The second reply is complete before the first goes on, and shows after it all the same."""
    gates = {"b1b2": Gate()}
    output = played(
        '(par (g "a") (g "b"))', gates, {"a": halting(gates["b1b2"], "a1", "a2"), "b": ["b1", "b2"]}
    )
    assert output.events == [
        ("begin", "model"), ("write", "a1"), ("write", "a2"), ("end", "a1a2"),
        ("begin", "model"), ("write", "b1b2"), ("end", "b1b2"),
    ]  # fmt: skip


def test_what_waited_shows_at_once_and_then_goes_on_live() -> None:
    """When its turn comes, a text shows what it has so far, and then each piece as it comes."""
    gates = {"a1a2": Gate(), "c": Gate()}
    output = played(
        '(par (g "a") (g "b") (g "c"))',
        gates,
        {
            "a": halting(gates["c"], "a1", "a2"),
            "b": halting(gates["a1a2"], "b1", "b2", "b3"),
            "c": ["c"],
        },
    )
    b = output.events.index(("write", "a2")) + 2
    assert output.events[b] == ("begin", "model")
    assert "".join(text for event, text in output.events[b:] if event == "write") == "b1b2b3c"
    assert ("write", "b3") in output.events
    assert output.events[-3:] == [("begin", "model"), ("write", "c"), ("end", "c")]


def test_a_reply_shows_piece_by_piece() -> None:
    output = played('(g "a")', {}, {"a": ["x", "", "y", "z"]})
    assert output.events == [
        ("begin", "model"), ("write", "x"), ("write", "y"), ("write", "z"), ("end", "xyz"),
    ]  # fmt: skip


def test_texts_around_a_reply_show_in_source_order() -> None:
    output = played('(seq (user "u") (g "a") (system "s") (g "b"))', {}, {"a": ["A"], "b": ["B"]})
    assert output.leaves == [("plain", "u"), ("model", "A"), ("plain", "s"), ("model", "B")]


def test_known_texts_show_before_the_first_reply_is_there() -> None:
    """The text before a generation is out when the engine is asked."""
    output = RecordedOutput()
    engine = ScriptedEngine(lambda request: output.leaves[0][1])
    assert run('(seq (user "first") (g "x"))', engine, output=output).parts[1].text == "first"


def test_what_is_within_another_generation_does_not_show() -> None:
    program = '(g (seq (user "u") (g "a") (par (g "b") (user (g "c")))))'
    output = played(program, {}, {"a": ["A"], "b": ["B"], "c": ["C"], "C": ["last"]})
    assert output.leaves == [("model", "last")]


def test_a_line_printed_within_an_input_shows_before_the_reply() -> None:
    program = '(par (g (seq (print "one") (g "a") (print "two" (g "b")))) (print "three"))'
    output = played(program, {}, {"a": ["A"], "b": ["B"], "A": ["last"]})
    assert output.leaves == [("plain", "one"), ("plain", "twoB"), ("model", "last"), ("plain", "three")]


def test_draws_of_a_repeat_show_in_order() -> None:
    """The second draw finishes first and waits."""
    second = Gate()
    turn = iter([halting(second, "one", "!"), lambda: ["two"]])
    output = RecordedOutput()
    engine = ScriptedEngine(lambda request: next(turn)(), parallel=2)
    observer = RecordedObserver(lambda reply: second.open() if reply.text == "two" else None)
    run('(repeat 2 (g "x"))', engine, output=output, observer=observer)
    assert [reply.text for reply in observer.replies] == ["two", "one!"]
    assert output.leaves == [("model", "one!"), ("model", "two")]


def test_replies_are_kept_in_the_order_in_which_they_finish() -> None:
    gates = {"B": Gate()}
    engine = ScriptedEngine(saying({"a": halting(gates["B"], "A"), "b": ["B"]}), parallel=2)
    answer = run('(par (g "a") (g "b"))', engine, observer=opening(gates))
    assert [reply.text for reply in answer.replies] == ["B", "A"]
    assert [part.text for part in answer.parts] == ["A", "B"]


def test_a_slot_is_split_in_its_place() -> None:
    output = RecordedOutput()
    answer = Answer(output)
    first, second = answer.root.split(2)
    second.close(Leaf("user", "last"))
    inner = first.split(2)
    inner[1].stream("waits ")
    inner[1].stream("its turn")
    assert output.events == []
    inner[0].close(Leaf("user", "first"))
    assert output.leaves == [("plain", "first"), ("model", "waits its turn")]
    inner[1].close(Leaf("assistant", "waits its turn"), "model")
    assert [text for _, text in output.leaves] == ["first", "waits its turn", "last"]
    assert answer.live is None


def test_a_slot_is_closed_once() -> None:
    output = RecordedOutput()
    answer = Answer(output)
    answer.root.close(Leaf("user", "one"))
    answer.root.close(Leaf("user", "two"))
    assert output.leaves == [("plain", "one")]


def test_closing_up_to_a_slot_closes_what_was_split_meanwhile() -> None:
    output = RecordedOutput()
    answer = Answer(output)
    failed, following = answer.root.split(2)
    parts = failed.split(3)
    parts[0].print(Leaf("user", "kept"))
    parts[1].stream("lost")
    following.close(Leaf("user", "fallback"))
    failed.close_until(following)
    assert all(part.closed for part in parts)
    assert [text for event, text in output.events if event == "end"] == ["kept", "fallback"]


def test_where_only_prints_show_nothing_else_does() -> None:
    output = RecordedOutput()
    place = PrintsOnly(Answer(output).root)
    one, two, three = place.split(3)
    one.stream("unseen")
    one.close(Leaf("assistant", "unseen"), "model")
    two.print(Leaf("user", "seen"))
    three.close(Leaf("user", "", None), keep_empty=True)
    assert output.leaves == [("plain", "seen")]
    assert one.closed and two.closed and three.closed
