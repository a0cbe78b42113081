"""What is done about failures: stop, keep going, ask again, limits of time; faults are put in at the seam."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest
from recording import RecordedObserver, RecordedOutput, run, texts
from scripted import PATIENCE, Gate, ScriptedEngine, echo

import spnl
from spnl.backends.base import Batching, Chunk, Finish, Request
from spnl.errors import GenerationError, SpnlError
from spnl.executor import line

CPU = Batching(streams=8, prefills=1, equal_only=True, lending=16)


class Faulty(ScriptedEngine):
    """Every `every`-th request fails, stalls until the test is over, or dies in the midst of the reply."""

    def __init__(self, fault: str, every: int, parallel: int = 1, batching: Batching | None = None) -> None:
        super().__init__(self.say, parallel, batching)
        self.fault = fault
        self.every = every
        self.over = Gate()
        self._count = itertools.count(1)
        self._lock = threading.Lock()

    def say(self, request: Request) -> Iterator[str]:
        with self._lock:
            faulty = next(self._count) % self.every == 0
        if faulty and self.fault == "fails":
            raise GenerationError("engine-failed", "it broke")
        if faulty and self.fault == "stalls":
            self.over.wait()
        text = echo(request)
        yield text[:1]
        if faulty and self.fault == "dies":
            raise GenerationError("engine-failed", "it died")
        yield text[1:]


@pytest.fixture(autouse=True)
def no_thread_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test here ends with no thread of a run alive; stalled engines are not waited for long."""
    monkeypatch.setattr(line, "LEAVING_SECONDS", 0.02)
    yield
    for thread in threading.enumerate():
        if thread.name == "spnl-generation":
            thread.join(PATIENCE)
            assert not thread.is_alive()


def failure(program: str, engine: ScriptedEngine, **options: object) -> SpnlError:
    with pytest.raises(SpnlError) as caught:
        run(program, engine, **options)
    return caught.value


def inputs(count: int, clauses: str = "") -> str:
    return f'(map (inputs (foreach i (range 0 {count}) (format "ab{{}}" i))) (temperature 1) {clauses})'


devices = pytest.mark.parametrize(("parallel", "batching"), [(1, None), (4, None), (4, CPU)])


@devices
@pytest.mark.parametrize(("fault", "message"), [("fails", "it broke"), ("dies", "it died")])
def test_stop_ends_with_the_first_failure(
    fault: str, message: str, parallel: int, batching: Batching | None
) -> None:
    engine = Faulty(fault, 5, parallel, batching)
    error = failure(inputs(40), engine)
    assert error.message == message
    assert len(engine.requests) <= 5 + parallel
    assert any(note.startswith('the generation that failed: number 5 here, "ab4"') for note in error.notes)


@devices
def test_stop_does_not_wait_for_what_stalls(parallel: int, batching: Batching | None) -> None:
    """Of 4 at once, one stalls and another fails; one at a time, what is before the failure has ended."""

    def script(request: Request) -> Iterator[str]:
        text = echo(request)
        if text == "ab0" and parallel > 1:
            yield "a"
            over.wait()
        if text == "ab1":
            raise GenerationError("engine-failed", "it broke")
        yield text

    over = Gate()
    engine = ScriptedEngine(script, parallel, batching)
    assert failure(inputs(20), engine).message == "it broke"
    assert len(engine.requests) <= 1 + parallel
    over.open()
    engine.wait_for_open(0)


@devices
@pytest.mark.parametrize("fault", ["fails", "dies"])
def test_keep_going_finishes_the_rest(fault: str, parallel: int, batching: Batching | None) -> None:
    engine = Faulty(fault, 5, parallel, batching)
    output, observer = RecordedOutput(), RecordedObserver()
    answer = run(inputs(40), engine, keep_going=True, output=output, observer=observer)
    failed = [part for part in answer.parts if part.error is not None]
    assert (len(answer.parts), len(answer.replies), len(failed), len(answer.errors)) == (40, 32, 8, 8)
    assert [part.text for part in answer.parts if part.error is None] == [
        f"ab{n}" for n, part in enumerate(answer.parts) if part.error is None
    ]
    assert all(part.text.startswith("error[engine-failed]: it ") for part in failed)
    assert len(output.leaves) == 40


@devices
def test_retry_asks_again_where_a_reply_has_not_begun(parallel: int, batching: Batching | None) -> None:
    engine = Faulty("fails", 5, parallel, batching)
    answer = run(inputs(40, "(retry 3)"), engine)
    assert texts(answer) == [f"ab{n}" for n in range(40)]
    assert len(engine.requests) == 40 + (len(engine.requests) // 5)


def test_retry_gives_up_after_so_many_times() -> None:
    engine = Faulty("fails", 1)
    error = failure('(g "x" (retry 2))', engine)
    assert engine.asked == ["x", "x", "x"]
    assert error.notes == ('the generation that failed: "x" (tried 3 times)',)


def test_nothing_is_asked_again_once_it_was_shown() -> None:
    """What waits its turn, or is no part of the answer, was not."""
    engine = Faulty("dies", 1)
    output = RecordedOutput()
    failure('(g "xy" (retry 5))', engine, output=output)
    assert (engine.asked, output.leaves) == (["xy"], [("model", "x")])
    hidden = Faulty("dies", 3)
    answer = run('(seq (g "ab") (g "cd") (g (user (g "ef" (retry 1)))))', hidden)
    assert (texts(answer), hidden.asked) == (["ab", "cd", "ef"], ["ab", "cd", "ef", "ef", "ef"])


def test_what_nobody_sees_before_it_is_whole_is_asked_again() -> None:
    """Answers that are collected, or written at their end: as records, to a file, with --no-stream."""
    for output in (None, RecordedOutput(is_live=False)):
        engine = Faulty("dies", 2)
        answer = run('(seq (g "ab") (g "cd" (retry 1)))', engine, output=output)
        assert (texts(answer), engine.asked) == (["ab", "cd"], ["ab", "cd", "cd"])
        assert output is None or output.leaves == [("model", "ab"), ("model", "cd")]
    output = RecordedOutput(is_live=False)
    run('(seq (g "ab") (g "cd"))', Faulty("dies", 2), keep_going=True, output=output)
    assert output.leaves == [("model", "ab"), ("plain", "error[engine-failed]: it died")]


def test_what_waits_its_turn_is_taken_back_and_said_anew() -> None:
    second = Gate()

    def script(request: Request) -> Iterator[str]:
        if echo(request) == "first":
            second.wait()
            yield "first"
            return
        yield "sec"
        if engine.asked.count("second") == 1:
            raise GenerationError("engine-failed", "it died")
        second.open()
        yield "ond"

    engine = ScriptedEngine(script, parallel=2)
    output = RecordedOutput()
    run('(par (g "first") (g "second" (retry 1)))', engine, output=output)
    assert output.leaves == [("model", "first"), ("model", "second")]


@pytest.mark.parametrize(
    "error", [spnl.ProgramError("prompt-too-long", "long"), spnl.ModelError("lost", "lost")]
)
def test_what_cannot_help_is_not_tried(error: SpnlError) -> None:
    def script(request: Request) -> str:
        raise error

    engine = ScriptedEngine(script)
    failure('(g "x" (retry 3))', engine)
    assert len(engine.requests) == 1


@devices
def test_timeout_ends_what_stalls(parallel: int, batching: Batching | None) -> None:
    engine = Faulty("stalls", 7, parallel, batching)
    error = failure(inputs(20, "(timeout 0.1)"), engine)
    assert (error.id, error.exit_code) == ("timeout", 1)
    engine.over.open()


@devices
def test_timeout_and_retry_and_keep_going_together(parallel: int, batching: Batching | None) -> None:
    engine = Faulty("stalls", 7, parallel, batching)
    answer = run(inputs(20, "(timeout 0.1) (retry 4)"), engine, keep_going=True)
    assert texts(answer) == [f"ab{n}" for n in range(20)]
    engine.over.open()


def test_waiting_for_ones_turn_is_not_counted() -> None:
    """Each takes a while; only the time of each is limited."""
    pause = threading.Event()

    def script(request: Request) -> str:
        pause.wait(0.05)
        return echo(request)

    answer = run(inputs(8, "(timeout 0.3)"), ScriptedEngine(script))
    assert len(answer.parts) == 8


def test_what_the_engine_waits_for_before_it_begins_is_not_counted() -> None:
    """Its own line, or a model that it builds anew."""
    began = threading.Event()

    class Waiting(ScriptedEngine):
        def stream(self, request: Request) -> Iterator[Chunk | Finish]:
            began.wait(0.3)
            return super().stream(request)

    (reply,) = run('(g "a" (timeout 0.1))', Waiting()).replies
    assert reply.text == "a"
    assert reply.total < 0.1 < reply.waited


def test_a_timeout_is_no_failure_of_what_is_quick() -> None:
    assert texts(run('(g "a b" (timeout 60) (retry 2))')) == ["a b"]


def test_the_whole_program_has_a_limit_too() -> None:
    engine = Faulty("stalls", 3)
    error = failure(inputs(9), engine, timeout=0.2)
    assert (error.id, error.exit_code) == ("timeout", 1)
    assert "0.2 s" in error.message
    engine.over.open()


def test_a_limit_of_the_program_ends_it_although_it_keeps_going() -> None:
    engine = Faulty("stalls", 3)
    assert failure(inputs(9), engine, timeout=0.2, keep_going=True).id == "timeout"
    engine.over.open()


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ('(seq (g "bad") (g "ok"))', ["!", "ok"]),
        ('(seq "a" (g (user (g "bad"))) (g "ok"))', ["a", "!", "ok"]),
        ('(let ((a (g "bad"))) (seq a (g (user a)) (g "ok")))', ["!", "!", "ok"]),
        ('(seq (try (g "bad") "instead") (g "ok"))', ["instead", "ok"]),
        ('(repeat 2 (g "bad"))', ["!", "!"]),
        ('(seq (zip "x" (seq (g "bad") (g "ok"))) "end")', ["!", "end"]),
        ('(par (if (= (g "ok") "ok") (g "bad") "x") "end")', ["!", "end"]),
        ('(seq (foreach x (lines (g "ok")) (g (user "bad" x))) "end")', ["!", "end"]),
        ('(seq (print (g "bad")) (print "shown"))', ["!", "shown"]),
        ('(g "bad")', ["!"]),
    ],
)
def test_what_needs_a_failed_reply_fails_with_it_and_nothing_else(program: str, expected: list[str]) -> None:
    def script(request: Request) -> str:
        if echo(request).startswith("bad"):
            raise GenerationError("engine-failed", "it broke")
        return echo(request)

    output = RecordedOutput()
    answer = run(program, ScriptedEngine(script), keep_going=True, output=output)
    shown = ["!" if text.startswith("error[") else text for _, text in output.leaves]
    assert shown == expected
    assert len(answer.errors) == expected.count("!")


def test_a_reply_that_dies_on_the_screen_is_followed_by_its_error() -> None:
    output = RecordedOutput()
    answer = run('(seq (g "one two") (g "three"))', Faulty("dies", 2), keep_going=True, output=output)
    assert output.leaves[1] == ("model", "t\nerror[engine-failed]: it died")
    assert answer.parts[1].error is not None


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_shared_reply_that_dies_is_an_error_wherever_it_is_used(parallel: int) -> None:
    """What was said of it stays where it was said; the error is below, and in each other place."""
    output = RecordedOutput()
    program = '(let ((a (g "xy"))) (seq "b" a (g (user a)) a (g "z")))'
    engine = Faulty("dies", 1, parallel)
    engine.script = lambda request: engine.say(request) if echo(request) == "xy" else echo(request)
    answer = run(program, engine, keep_going=True, output=output)
    error = "error[engine-failed]: it died"
    assert [text for _, text in output.leaves] == ["b", "x", error, error, error, "z"]
    assert texts(answer) == ["b", error, error, error, "z"]
    assert (engine.asked, len(answer.errors)) == (["xy", "z"], 3)


def test_what_was_complete_is_shown_where_a_run_is_stopped() -> None:
    """With `partial` also behind what is not."""
    done = Gate()

    def script(request: Request) -> Iterator[str]:
        if echo(request) == "slow":
            done.wait()
            raise GenerationError("engine-failed", "it broke")
        yield echo(request)
        if echo(request) == "last":
            done.open()

    for partial, expected in ((False, ["a"]), (True, ["a", "b", "last"])):
        done = Gate()
        output = RecordedOutput()
        program = '(par (g "a") (g "slow") (g "b") (g "last"))'
        failure(program, ScriptedEngine(script, parallel=4), partial=partial, output=output)
        assert [text for _, text in output.leaves] == expected
