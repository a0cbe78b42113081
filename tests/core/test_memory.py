"""Runs that share a memory share their named values; default sampling fills in what a program leaves out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from recording import RecordedObserver, RecordedOutput
from scripted import Script, ScriptedEngine, ScriptedModels, echo

import spnl
from spnl.backends.base import Request
from spnl.errors import GenerationError
from spnl.executor.cells import Memory
from spnl.executor.machine import execute
from spnl.executor.options import RunOptions
from spnl.query import Bind, Query, Ref, Sampling


def shared(program: str) -> Query:
    return Ref(Bind("a", spnl.expand(program)))


def text(query: Query, engine: ScriptedEngine, memory: Memory, options: RunOptions | None = None) -> str:
    output = RecordedOutput()
    execute(query, ScriptedModels(engine), output, RecordedObserver(), options or RunOptions(), memory=memory)
    return "".join(said for event, said in output.events if event == "write")


def counting() -> Script:
    count = iter(range(10))
    return lambda request: f"{next(count)} {echo(request)}"


def test_a_value_is_computed_once_for_all_runs() -> None:
    engine, memory, query = ScriptedEngine(counting()), Memory(), shared('(g "x")')
    assert [text(query, engine, memory) for _ in range(3)] == ["0 x", "0 x", "0 x"]
    assert text(query, engine, Memory()) == "1 x"


def test_what_failed_is_not_kept() -> None:
    says = iter([GenerationError("engine-failed", "it broke"), "well"])

    def script(request: Request) -> Iterator[str]:
        said = next(says)
        if isinstance(said, Exception):
            raise said
        yield said

    engine, memory, query = ScriptedEngine(script), Memory(), shared('(g "x")')
    with pytest.raises(GenerationError):
        text(query, engine, memory)
    assert memory.cells == {}
    assert text(query, engine, memory) == "well"


def test_default_sampling_is_below_the_programs_own_and_above_the_languages() -> None:
    engine = ScriptedEngine()
    options = RunOptions(default_sampling=Sampling(temperature=0.25, top_p=0.5))
    text(spnl.expand('(g "x" (temperature 1))'), engine, Memory(), options)
    assert engine.requests[0].sampling.given() == {"temperature": 1, "top_p": 0.5, "max_tokens": 2048}
    text(spnl.expand('(g "x")'), engine, Memory(), options.but(temperature=0.0))
    assert engine.requests[1].sampling.temperature == 0
