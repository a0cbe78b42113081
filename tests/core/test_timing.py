"""What a run took: when things happened, and how that is shown and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from invoking import invoke
from recording import run
from scripted import ScriptedEngine

from spnl.backends.base import Usage
from spnl.executor import jobs, timeline
from spnl.executor.results import Load, Reply
from spnl.source import Source, Span
from spnl.timing import Taken, as_data, as_trace, between_tokens, lines, tokens_per_second

SOURCE = Source("a.spnl", "(g\n  (g 1))")


def _reply(asked: float, total: float, *, index: int = 0, **more: Any) -> Reply:
    return Reply(
        text="t",
        thought="",
        model="m/tiny",
        reason="stop",
        usage=Usage(1200, 200, 11),
        index=index,
        first_token=0.5,
        total=total,
        asked=asked,
        waited=0.25,
        span=Span(SOURCE, 5, 10),
        **more,
    )


TAKEN = Taken(
    (Load("m/tiny", 0.0, 2.0),),
    (_reply(2.0, 1.5), _reply(2.5, 1.5, index=1), _reply(0.0, 0.0, index=2, reused="journal")),
    4.0,
)


def test_rates_of_a_reply() -> None:
    reply = _reply(0.0, 1.5)
    assert between_tokens(reply) == 0.1
    assert tokens_per_second(reply) == pytest.approx(11 / 1.5)
    one_token = reply.but(usage=Usage(5, 0, 1))
    assert between_tokens(one_token) is None
    assert tokens_per_second(reply.but(total=0.0)) is None


def test_lines_for_a_person() -> None:
    assert list(lines(TAKEN)) == [
        "                model   prompt  cached  reply            waited  first token   a token  tokens/s",
        "a.spnl:2:3      m/tiny   1,200     200     11            250 ms       500 ms  100.0 ms         7",
        "a.spnl:2:3 [1]  m/tiny   1,200     200     11            250 ms       500 ms  100.0 ms         7",
        "a.spnl:2:3 [2]  m/tiny   1,200     200     11  from the journal",
        "loaded m/tiny in 2.00 s",
        "2 generations, and 1 not generated again: 2,400 tokens of prompts (400 cached), "
        "22 tokens of replies, in 4.00 s, 11 tokens/s",
    ]


def test_a_run_without_a_generation_took_time_alone() -> None:
    assert list(lines(Taken((), (), 0.5))) == [
        "0 generations: 0 tokens of prompts (0 cached), 0 tokens of replies, in 0.50 s"
    ]


def test_json_for_a_program() -> None:
    data = as_data(TAKEN)
    first, _, reused = data["generations"]
    assert first["place"] == {"file": "a.spnl", "line": 2, "column": 3}
    assert (first["asked"], first["waited"], first["first_token"], first["total"]) == (2.0, 0.25, 0.5, 1.5)
    assert reused["reused"] == "journal"
    assert "total" not in reused
    assert data["totals"] == {
        "generations": 2,
        "not_generated_again": 1,
        "prompt_tokens": 2400,
        "cached_tokens": 400,
        "completion_tokens": 22,
    }
    assert data["loads"] == [{"model": "m/tiny", "began": 0.0, "seconds": 2.0}]


def test_a_trace_has_what_ran_together_in_rows_of_its_own() -> None:
    later = _reply(3.5, 1.0, index=3)
    events = as_trace(TAKEN.but(replies=(*TAKEN.replies, later)))["traceEvents"]
    generations = [event for event in events if event["cat"] == "generation"]
    assert [(event["ts"], event["dur"], event["tid"]) for event in generations] == [
        (2.0e6, 1.5e6, 1),
        (2.5e6, 1.5e6, 2),  # while the first still runs
        (3.5e6, 1.0e6, 1),  # when the first is done
    ]
    parts = [event for event in events if event["cat"] in ("prompt", "reply")][:2]
    assert [(event["ts"], event["dur"]) for event in parts] == [(2.0e6, 0.5e6), (2.5e6, 1.0e6)]
    assert all(event["ph"] == "X" for event in events)


def test_waiting_does_not_count_the_loading_of_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is moved by hand: a load of 5 s, then 2 s of waiting, then a reply of 3 s."""
    now = 100.0
    monkeypatch.setattr(timeline, "perf_counter", lambda: now)
    monkeypatch.setattr(jobs, "perf_counter", lambda: now)
    run_time = timeline.Timeline()
    engine = ScriptedEngine()
    run('(g "m" "a")', engine)
    job = jobs.Job("m", engine.requests[0], None, 0, None)
    with run_time.loading("m"):
        now += 5
    now += 2
    job.started = now
    now += 1
    job.first = now
    now += 2
    assert run_time.of(job) == (1.0, 3.0, 7.0, 2.0)
    assert run_time.loads == [Load("m", 0.0, 5.0)]


def test_the_library_says_what_a_run_took() -> None:
    answer = run('(seq (g "m" "a b") (g "n" "c"))', ScriptedEngine())
    assert [load.model for load in answer.loads] == ["m", "n"]
    first, second = answer.replies
    assert 0 <= first.first_token <= first.total <= answer.seconds
    assert first.asked + first.total <= second.asked
    assert first.span is not None
    assert str(first.span).endswith(":1:6")


def test_the_command_writes_it_where_it_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage, trace = tmp_path / "usage.json", tmp_path / "trace.json"
    args = ["-m", "m", "--time", "--usage-json", str(usage), "--trace", str(trace), "-c", '(g "a b c")']
    ran = invoke(monkeypatch, args)
    assert ran.out == b"a b c\n"
    assert "first token" in ran.err
    assert "1 generation: 3 tokens of prompts (0 cached), 3 tokens of replies" in ran.err
    assert json.loads(usage.read_text())["completed"] is True
    assert [event["cat"] for event in json.loads(trace.read_text())["traceEvents"]] == [
        "load",
        "generation",
        "prompt",
        "reply",
    ]


def test_a_run_that_fails_says_what_it_took_until_then(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = tmp_path / "usage.json"
    program = '(seq (g "fine") (user "!") (nth (lines (g "x")) 7))'
    ran = invoke(monkeypatch, ["-m", "m", "--usage-json", str(usage), "-c", program])
    assert ran.code != 0
    data = json.loads(usage.read_text())
    assert data["completed"] is False
    assert len(data["generations"]) == 2


def test_a_place_that_cannot_be_written_is_an_error_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = invoke(monkeypatch, ["-m", "m", "--usage-json", "/nowhere/u.json", "-c", '(g "x")'])
    assert (ran.out, ran.code) == (b"", 2)
    assert "/nowhere/u.json cannot be written" in ran.err
