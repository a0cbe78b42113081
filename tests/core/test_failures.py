"""Failures: the first error ends a run and names its place, `try` recovers, and nothing is left behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest
from recording import RecordedObserver, RecordedOutput, run, shape, texts
from scripted import PATIENCE, Gate, ScriptedEngine, ScriptedModels

from spnl.backends.base import Chunk, Request
from spnl.errors import GenerationError, ModelError, ProgramError, SpnlError


class Faulty(ScriptedEngine):
    """Fails at `bad …`, waits at its gate in the midst of `slow …`, and echoes everything else."""

    def __init__(self, parallel: int = 1) -> None:
        super().__init__(self.say, parallel)
        self.gate = Gate()
        self.slow = threading.Event()

    def say(self, request: Request) -> Iterator[str]:
        text = request.messages[-1][1]
        if text.startswith("bad"):
            if self.parallel > 1:
                assert self.slow.wait(PATIENCE), "nothing slow is under way"
            raise GenerationError("engine-failed", "it broke")
        yield text[:1]
        if text.startswith("slow"):
            self.slow.set()
            self.gate.wait()
        yield text[1:]


def generation_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "spnl-generation"]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """Every test here ends with no thread of a run alive."""
    yield
    for thread in generation_threads():
        thread.join(PATIENCE)
    assert generation_threads() == []


def failure(program: str, engine: ScriptedEngine, **options: object) -> SpnlError:
    with pytest.raises(SpnlError) as caught:
        run(program, engine, **options)
    return caught.value


def place(error: SpnlError) -> str:
    assert error.span is not None
    return error.span.text


@pytest.mark.parametrize(
    "program",
    [
        '(seq (g "a") (g "bad") (g "b"))',
        '(par (g "a") (g (seq (g "bad") (user "b"))))',
        '(monad (g "bad"))',
        '(zip "x" (g "bad"))',
        '(repeat 3 (g "bad"))',
        '(map "a" "bad")',
        '(let ((x (g "bad"))) (g (user x)))',
        '(print (g "bad"))',
    ],
)
def test_a_failure_is_the_runs_and_names_the_generation(program: str) -> None:
    error = failure(program, Faulty())
    assert (error.id, error.message) == ("engine-failed", "it broke")
    assert "bad" in place(error)
    assert place(error).startswith(("(g", "(repeat", "(map"))


def test_after_a_failure_nothing_more_is_asked() -> None:
    engine = Faulty()
    failure('(par (g "a") (g "bad") (g "b") (seq (g "c")))', engine)
    assert engine.asked == ["a", "bad"]


def test_a_failure_cancels_what_is_under_way() -> None:
    """The engine sees that the stream of the other generation is closed."""
    engine = Faulty(parallel=2)
    failure('(par (g "slow") (g "bad"))', engine)
    engine.gate.open()
    engine.wait_for_open(0)
    assert engine.cancelled == 1


def test_what_was_said_before_a_failure_stays_shown() -> None:
    output = RecordedOutput()
    failure('(seq (g "a") (g "bad") "never")', Faulty(), output=output)
    assert output.leaves == [("model", "a")]


@pytest.mark.parametrize("fault", [ValueError("ours"), AssertionError("ours")])
def test_an_error_that_is_ours_comes_through_as_it_is(fault: Exception) -> None:
    """Also past a `try`: only errors that a user can mend are recovered from."""

    def script(request: Request) -> str:
        raise fault

    with pytest.raises(type(fault), match="ours"):
        run('(try (g "x") "fallback")', ScriptedEngine(script))


def test_a_reply_without_an_end_is_an_error() -> None:
    class Endless(ScriptedEngine):
        def stream(self, request: Request) -> Iterator[Chunk]:  # type: ignore[override]
            yield Chunk("half")

    assert failure('(g "x")', Endless()).id == "engine-failed"


def test_a_model_that_cannot_be_had_is_named_where_it_is_asked_for() -> None:
    fault = ModelError("no-such-model", "there is none")
    models = ScriptedModels(ScriptedEngine(), faults={"lost": fault})
    error = failure('(seq (g "a") (g "lost" "b" 3 0))', ScriptedEngine(), models=models)
    assert (type(error), error.id, place(error)) == (ModelError, "no-such-model", '(g "lost" "b" 3 0)')


def test_each_model_fault_has_the_place_of_its_own_generation() -> None:
    """The first is recovered from, so the second must not carry the first's place."""
    models = ScriptedModels(ScriptedEngine(), faults={"lost": ModelError("no-such-model", "there is none")})
    program = '(par (try (g "lost" "a" 3 0) "x") (g "lost" "b" 3 0))'
    assert place(failure(program, ScriptedEngine(), models=models)) == '(g "lost" "b" 3 0)'


def test_try_recovers_from_a_model_that_cannot_be_had() -> None:
    """Regression: loading failed outside of any `try`."""
    models = ScriptedModels(ScriptedEngine(), faults={"lost": ModelError("no-such-model", "there is none")})
    answer = run(
        '(par (try (g "lost" "a" 3 0) (g "b")) (try (repeat 2 (g "lost" "a" 3 0)) "c"))', models=models
    )
    assert texts(answer) == ["b", "c"]


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ('(seq (try (g "ok") (g "never")) "x")', ["ok", "x"]),
        ('(seq (try (g "bad") "instead") "x")', ["instead", "x"]),
        ('(seq (try (g "bad") (g "instead")) "x")', ["instead", "x"]),
        ('(seq (try (try (g "bad") (g "bad too")) (g "last")) "x")', ["last", "x"]),
        ('(seq (try (g "bad") (try (g "bad too") "last")) "x")', ["last", "x"]),
        ('(seq (try (g (user "a" (g "bad"))) "instead") "x")', ["instead", "x"]),
        ('(seq (try (g (seq)) "instead") "x")', ["instead", "x"]),
        ('(g (user (try (g "bad") "instead")))', ["instead"]),
        ('(g (seq (system "s") (try (g "bad") (user "instead"))))', ["instead"]),
        ('(seq (try (seq "a" (g "bad")) (seq "b" (g "c"))) "x")', ["b", "c", "x"]),
        ('(map (try (g "bad") "one") "two")', ["one", "two"]),
    ],
)
def test_try_gives_the_first_or_what_stands_in_for_it(program: str, expected: list[str]) -> None:
    engine = Faulty()
    output = RecordedOutput()
    answer = run(program, engine, output=output)
    assert texts(answer) == expected
    assert [text for _, text in output.leaves] == expected
    assert "never" not in engine.asked


def test_both_of_a_try_may_fail() -> None:
    error = failure('(try (g "bad") (g "bad too"))', Faulty())
    assert place(error) == '(g "bad too")'


def test_what_a_failed_attempt_had_shows_only_its_printed_lines() -> None:
    output = RecordedOutput()
    program = '(seq (try (seq (print "kept") (g "a") (g "bad") (print "never")) "instead") "end")'
    answer = run(program, Faulty(), output=output)
    assert output.leaves == [("plain", "kept"), ("plain", "instead"), ("plain", "end")]
    assert texts(answer) == ["kept", "instead", "end"]


def test_a_failed_attempt_cancels_its_siblings_and_nothing_else() -> None:
    """Within the `try`: what is under way is closed and what waits is not asked. Outside: it goes on."""
    engine = Faulty(parallel=3)
    observer = RecordedObserver(lambda reply: engine.gate.open())
    program = '(par (g "slow mine") (try (par (g "slow") (g "bad") (g "waits")) (g "instead")))'
    answer = run(program, engine, observer=observer)
    engine.wait_for_open(0)
    assert shape(answer.result) == ("par", "slow mine", "instead")
    assert "waits" not in engine.asked
    assert engine.cancelled == 1


def test_a_shared_value_given_up_with_an_attempt_is_computed_for_whoever_needs_it_next() -> None:
    """Regression: nothing computed it any more, and the run ended in an assertion."""
    for parallel in (1, 3):
        engine = ScriptedEngine(lambda request: refuse(request), parallel)
        program = '(let ((a (g "shared"))) (seq (try (par (g "bad") a) (seq a "x")) "y"))'
        assert texts(run(program, engine)) == ["shared", "x", "y"]


def refuse(request: Request) -> str:
    text = request.messages[-1][1]
    if text.startswith("bad"):
        raise GenerationError("engine-failed", "it broke")
    return text


def test_a_shared_failure_does_not_reach_who_has_recovered_already() -> None:
    """Regression: the attempt that had gone on was failed a second time, from within what it gave up."""
    first = Gate()

    def script(request: Request) -> str:
        text = request.messages[-1][1]
        if text == "bad later":
            first.wait()
        if text == "instead":
            first.open()
        return refuse(request)

    program = '(let ((a (g "bad later"))) (par (try (par (g "bad") a) (g "instead")) (try a "other")))'
    answer = run(program, ScriptedEngine(script, parallel=3))
    assert texts(answer) == ["instead", "other"]


def test_thousands_of_failures_are_recovered_from() -> None:
    attempts = " ".join(f'(try (par (g "bad {n}") "x") "{n}")' for n in range(2_000))
    program = f"(par {attempts})"
    answer = run(program, ScriptedEngine(refuse, parallel=2))
    assert texts(answer) == [str(n) for n in range(2_000)]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """SIGINT raises `KeyboardInterrupt`, also where a shell has started the tests with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_run_and_leaves_no_thread_waiting() -> None:
    """A real SIGINT while the caller waits: the generation is closed when its engine next speaks."""
    interrupted = Gate()
    main = threading.main_thread().ident
    assert main is not None and threading.current_thread() is threading.main_thread()

    def script(request: Request) -> Iterator[str]:
        yield "one"
        signal.pthread_kill(main, signal.SIGINT)
        interrupted.wait()
        yield "two"

    engine = ScriptedEngine(script, parallel=2)
    output = RecordedOutput()
    with pytest.raises(KeyboardInterrupt):
        run('(seq (g "x") (g "y"))', engine, output=output)
    interrupted.open()
    engine.wait_for_open(0)
    assert engine.asked == ["x"]
    assert engine.cancelled == 1
    assert ("write", "two") not in output.events


def test_an_observer_that_raises_ends_the_run() -> None:
    def refuse_reply(reply: object) -> None:
        raise ProgramError("stop", "enough")

    with pytest.raises(ProgramError, match="enough"):
        run('(seq (g "a") (g "b"))', observer=RecordedObserver(refuse_reply))


def test_no_thread_is_left_after_a_run() -> None:
    run('(repeat 9 (g "a"))', ScriptedEngine(parallel=4))
