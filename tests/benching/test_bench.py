"""`spnl bench`: figures proven on an engine whose speed is known, and the command on real models."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import goldens
import pytest
from invoking import command, invoke, process_environment, run_process
from scripted import PATIENCE, ScriptedEngine
from serving import ServeProcess
from terminals import Terminal

from spnl.backends.base import Chunk, Finish, Request, Usage
from spnl.benching.asking import Asker
from spnl.benching.bench import Bench, Plan
from spnl.benching.chart import chart
from spnl.benching.prompts import Prompts
from spnl.benching.records import as_data
from spnl.benching.report import Findings, Report, Summary
from spnl.benching.steps import Measure, Sample, Together
from spnl.benching.table import table
from spnl.errors import ProgramError

GOLDENS = Path(__file__).parent / "goldens"
PREFILL, DECODE = 1000.0, 50.0


def common(words: list[str], others: list[str]) -> int:
    """How many words two prompts have in common at their beginnings."""
    pairs = enumerate(zip(words, others, strict=False))
    return next((index for index, (one, other) in pairs if one != other), min(len(words), len(others)))


class TimedEngine(ScriptedEngine):
    """An engine that reads 1,000 words a second and makes 50 tokens a second, on a clock of its own.

    What begins like an earlier prompt is not read again. `at_once`: so many streams step together.
    """

    def __init__(self, context: int = 10**6, speed: float = 1.0, time: list[float] | None = None) -> None:
        super().__init__()
        self.time = [0.0] if time is None else time
        self.context = context
        self.speed = speed
        self.at_once: threading.Barrier | None = None
        self._read: list[list[str]] = []

    def clock(self) -> float:
        return self.time[0]

    def _pass(self, seconds: float) -> None:
        if self.at_once is None:
            self.time[0] += seconds / self.speed
        elif self.at_once.wait(PATIENCE) == 0:
            self.time[0] += seconds / self.speed
            self.at_once.wait(PATIENCE)
        else:
            self.at_once.wait(PATIENCE)

    def _pieces(self, request: Request) -> Iterator[Chunk | Finish]:
        self.script(request)
        words = " ".join(text for _, text in request.messages).split()
        if len(words) > self.context:
            raise ProgramError("prompt-too-long", "the prompt is longer than the model's context")
        cached = max((common(words, other) for other in self._read), default=0)
        self._read.append(words)
        most = request.sampling.max_tokens or 1
        self._pass((len(words) - cached) / PREFILL)
        for number in range(most):
            if number:
                self._pass(1 / DECODE)
            yield Chunk(text=" said")
        yield Finish("length", Usage(len(words), cached, most))


def measured(engine: TimedEngine, plan: Plan, *others: TimedEngine) -> list[Findings]:
    engines = [engine, *others]
    found = [Findings(f"model {number}") for number in range(len(engines))]
    bench = Bench(plan, list(zip(engines, found, strict=True)), engine.clock, Random(1))
    bench.warm_up()
    bench.run(lambda what, share, left: None)
    return found


def median(findings: Findings, name: str, length: int | None = None) -> float:
    summary = findings.summary(Measure(name, length))
    assert summary is not None
    return summary.median


def test_the_figures_are_those_of_the_engine() -> None:
    plan = Plan((100, 400), reply=11, runs=3, parallel=2)
    (found,) = measured(TimedEngine(), plan)
    for length in (100, 400):
        assert median(found, "prefill", length) == pytest.approx(PREFILL)
        assert median(found, "decode", length) == pytest.approx(DECODE)
        tokens = found.tokens(Measure("decode", length))
        assert tokens is not None and (tokens.low, tokens.high, tokens.count) == (11, 11, 3)
    # The prompt is as long as was asked for; only the question at its end is read the second time.
    first, again = median(found, "system_first"), median(found, "system_again")
    assert first == pytest.approx(0.4, rel=0.02) and again < 0.01
    assert found.samples[Measure("prefix_gain")][0].value > 40
    assert median(found, "system_reused") > 0.98
    assert median(found, "turn_first") == pytest.approx(0.1, rel=0.05)
    assert median(found, "turn_later") < 0.03
    # Four requests one by one: 100 words in 0.1 s, and ten steps of 0.02 s.
    assert median(found, "one_by_one") == pytest.approx(11 / 0.3, rel=0.05)


def test_what_runs_together_gains_what_it_gains() -> None:
    """Four that take their steps together make four times the tokens in the same time."""
    engine = TimedEngine()
    asker = Asker(engine, engine.clock)
    step = Together(100, 11, 4)
    texts = step.texts(Prompts(Random(1)))
    at_once = asker.ask_all

    def ask_all(conversations: Any, most: int) -> Any:
        engine.at_once = threading.Barrier(len(conversations)) if len(conversations) > 1 else None
        return at_once(conversations, most)

    asker.ask_all = ask_all  # type: ignore[method-assign]
    found = {sample.measure.name: sample for sample in step.samples(asker, texts)}
    assert found["together_gain"].value == pytest.approx(4, rel=0.03)
    assert found["at_once"].tokens == 44


def test_two_models_are_asked_the_same_in_turns() -> None:
    order: list[str] = []
    fast = TimedEngine(speed=2.0)
    slow = TimedEngine(time=fast.time)
    for name, engine in (("fast", fast), ("slow", slow)):
        engine.script = lambda request, name=name: order.append(name) or ""  # type: ignore[misc]
    found = measured(fast, Plan((50,), 4, 2, 2), slow)
    assert [request.messages[0] for request in fast.requests] == [
        request.messages[0] for request in slow.requests
    ]
    report = Report(tuple(found), 2, 4, 2, True, 0)
    for measure in (Measure("prefill", 50), Measure("decode", 50)):
        ratio = report.ratio(measure)
        assert ratio is not None and ratio.median == pytest.approx(0.5)
    assert report.ratio(Measure("first_request")) is None  # happens once
    # Two of warm-up to each; then in each run one, two, five and four. Every other run is turned round.
    runs = [order[4:28], order[28:]]
    assert [[run[0], run[1], run[2], run[4]] for run in runs] == [
        ["fast", "slow", "fast", "slow"],
        ["slow", "fast", "slow", "fast"],
    ]


def test_every_prompt_begins_differently() -> None:
    engine = TimedEngine()
    (found,) = measured(engine, Plan((100, 400), 4, 4, 2))
    samples = found.samples[Measure("prefill", 400)].values()
    assert all(sample.value == pytest.approx(PREFILL) for sample in samples)
    assert min(sample.tokens for sample in samples) >= 390


def test_a_prompt_that_is_too_long_is_left_out_and_said() -> None:
    (found,) = measured(TimedEngine(context=200), Plan((50, 100, 400), 4, 2, 2))
    assert found.notes == ["left out: prefill and decode, 400 tokens: longer than its context"]
    assert Measure("prefill", 400) not in found.samples and Measure("prefill", 100) in found.samples


class Uncounted(TimedEngine):
    """An engine, as some servers are, that counts no tokens."""

    def _pieces(self, request: Request) -> Iterator[Chunk | Finish]:
        for piece in super()._pieces(request):
            yield Finish(piece.reason, Usage()) if isinstance(piece, Finish) else piece


def test_without_counts_there_are_times_only() -> None:
    (found,) = measured(Uncounted(), Plan((50,), 4, 1, 2))
    names = {measure.name for measure in found.samples}
    times = {"first_request", "system_first", "system_again", "turn_first", "turn_later"}
    assert names == {*times, "prefix_gain"}
    assert found.notes == ["it does not count tokens: no speeds can be told"]


def test_summaries() -> None:
    assert Summary.of([3.0, 1.0, 10.0]) == Summary(3.0, 1.0, 10.0, 3)
    assert Summary.of([1.0, 2.0]).median == 1.5


def report(models: int) -> Report:
    found = [Findings(name) for name in ("tiny", "<openai>/tiny\x1b")[:models]]
    for number, findings in enumerate(found):
        for run in range(3):
            factor = (1 + run / 10) * (1 + number)
            for name, length, value in (
                ("prefill", 128, 1234.5), ("prefill", 512, 987.6), ("decode", 128, 99.94),
                ("system_first", None, 0.5),
                ("system_again", None, 0.0123), ("prefix_gain", None, 40.65), ("system_reused", None, 0.5),
                ("one_by_one", None, 5.0), ("at_once", None, 9.0),
            ):  # fmt: skip
                findings.add(run, Sample(Measure(name, length), value * factor, (length or 0) + run))
    found[0].add(0, Sample(Measure("load"), 0.3))
    found[0].add(0, Sample(Measure("memory"), 45.2e6))
    found[-1].note("a note")
    return Report(tuple(found), 3, 64, 4, models == 1, 123_000_000)


@pytest.mark.parametrize("models", [1, 2])
def test_table_data_and_chart(models: int) -> None:
    shown = report(models)
    goldens.check(GOLDENS / f"table-{models}.txt", table(shown))
    goldens.check(GOLDENS / f"data-{models}.json", json.dumps(as_data(shown), indent=1))
    goldens.check(GOLDENS / f"chart-{models}.svg", chart(shown).rstrip())
    ElementTree.fromstring(chart(shown))


def test_ratios_are_run_by_run() -> None:
    ratio = report(2).ratio(Measure("decode", 128))
    assert ratio is not None and (ratio.low, ratio.high) == pytest.approx((2, 2))


SHORT = ("--runs", "1", "--lengths", "64,96", "--tokens", "8", "--parallel", "2")


def test_the_command_measures_tiny(tmp_path: Path) -> None:
    plot = tmp_path / "chart.svg"
    ran = run_process("bench", "tiny", *SHORT, "--json", "--plot", str(plot))
    assert ran.code == 0, ran.err
    data = json.loads(ran.out)
    assert data["completed"] and [model["name"] for model in data["models"]] == ["tiny"]
    by_name = {(measure["name"], measure["length"]): measure["models"][0] for measure in data["measures"]}
    for length in (64, 96):
        (sample,) = by_name["prefill", length]["samples"]
        assert sample["value"] > 0 and abs(sample["tokens"] - length) < 20
        assert by_name["decode", length]["samples"][0]["tokens"] == 8
    assert by_name["memory", None]["median"] > 0 and by_name["load", None]["median"] > 0
    assert by_name["system_reused", None]["median"] > 0.5
    ElementTree.parse(plot)
    assert "about" in ran.err and "Ctrl-C" in ran.err


def test_an_engine_here_against_a_server() -> None:
    with ServeProcess("tiny") as server:
        ran = run_process(
            "bench", "tiny", "--vs", "openai/tiny", *SHORT, env={"OPENAI_BASE_URL": f"{server.url}/v1"}
        )
    assert ran.code == 0, ran.err
    text = ran.out.decode()
    assert "openai/tiny" in text and "second to first" in text
    assert "a server's loading and memory cannot be seen from here" in text


def test_a_model_is_not_compared_with_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = invoke(monkeypatch, ["bench", "tiny", "--vs", "tiny"], script=None)
    assert ran.code == 2 and "loaded in the same way" in ran.err


@pytest.mark.parametrize(
    "words", [("--lengths", "x"), ("--vs-set", "nothing=1"), ("--vs-set", "isq=Q99"), ("--runs", "0")]
)
def test_options_that_make_no_sense(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    ran = invoke(monkeypatch, ["bench", "tiny", *words])
    assert (ran.code, ran.out) == (2, b"")


def test_an_interrupt_shows_what_there_is() -> None:
    process = subprocess.Popen(
        command("bench", "tiny", "--runs", "1000", "--lengths", "32", "--tokens", "4"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=process_environment(RAYON_NUM_THREADS="1"),
    )
    assert process.stderr is not None
    assert b"Ctrl-C" in process.stderr.readline()  # it is loaded and warm
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and b"interrupted" in err
    assert b"first request of all" in out and b"It was stopped before all runs were done." in out


def test_a_terminal_shows_a_bar_and_then_the_table() -> None:
    with Terminal(command("bench", "tiny", *SHORT), env=process_environment(RAYON_NUM_THREADS="1")) as it:
        assert it.wait() == 0
    assert b"[....................] 0 %, run 1 of 1: prefill and decode, 64 tokens" in it.shown
    assert it.shown.rindex(b"\x1b[J") < it.shown.index(b"load  ")
