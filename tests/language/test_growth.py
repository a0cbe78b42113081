"""Cost: expanding and optimizing grow with the size of a program and not with its square."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
from recording import run
from scripted import ScriptedEngine

from spnl.api import expand, parse
from spnl.backends.base import Request
from spnl.errors import GenerationError
from spnl.optimizer import optimize
from spnl.source import Source

MOST_GROWTH = 4.0
"""How many times dearer a part may be in a program ten times as long: 1 in theory, 10 if quadratic."""


def cost(text: str) -> float:
    """Seconds of processor time for expanding and optimizing a program.

    Without the garbage collector, whose cost is that of all that the tests before have left in memory.
    """
    program = parse(text)
    gc.collect()
    gc.disable()
    try:
        start = process_time()
        optimize(expand(program))
        return process_time() - start
    finally:
        gc.enable()


def repeated(piece: str, count: int) -> str:
    """A piece of program many times, with `#` for the number of each."""
    return " ".join(piece.replace("#", str(number)) for number in range(count))


GENERATION = '(g "q#" (max-tokens 3))'
LET = '(let ((a (g "q#")) (b (seq a "x"))) (user a b))'

PROGRAMS: dict[str, Callable[[int], str]] = {
    "generations": lambda n: f"(seq {repeated(GENERATION, n)})",
    "definitions": lambda n: repeated('(define x# (g "q#"))', n) + ' "a"',
    "lets": lambda n: f"(seq {repeated(LET, n)})",
    "a loop": lambda n: f'(foreach i (range {n}) (seq "a" (g (format "{{i}}"))))',
    "a fold over texts that are generated": lambda n: f'(fold (lambda (a i) (g (user a i))) "" (range {n}))',
    "a call with a long list": lambda n: f"(let ((l (range {n}))) (foreach i l ((lambda (m) (nth m i)) l)))",
    "a long list of generations": lambda n: f"(let ((l (list {repeated(GENERATION, n)}))) (length (rest l)))",
    "a join of generations": lambda n: f'(join (foreach i (range {n}) (g "a")) ",")',
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_cost_is_linear(name: str) -> None:
    write = PROGRAMS[name]
    cost(write(50))  # signatures are read when they are first needed
    few = min(cost(write(300)) for _ in range(3))
    many = min(cost(write(3000)) for _ in range(2))
    assert many / 10 < few * MOST_GROWTH + 1e-4, (
        f"{few / 300 * 1e6:.0f} µs each, then {many / 3000 * 1e6:.0f}"
    )


def test_a_map_over_a_long_file_is_small(tmp_path: Path) -> None:
    count = 100_000
    (tmp_path / "long.txt").write_text("".join(f"What is {i} + {i}?\n" for i in range(count)))
    program = parse(Source("p", '(map (inputs (lines (file "long.txt"))))', str(tmp_path)))
    optimize(expand(program))
    tracemalloc.start()
    query = optimize(expand(program))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used / count < 200, "bytes for each input"
    assert query is not None


def test_ten_rows_of_a_long_file_cost_ten_rows(tmp_path: Path) -> None:
    with (tmp_path / "long.jsonl").open("w") as file:
        file.writelines(f'{{"n": {i}}}\n' for i in range(300_000))
    program = parse(Source("p", '(take 10 (jsonl (file "long.jsonl") (field "n")))', str(tmp_path)))
    expand(program)
    start = process_time()
    expand(program)
    assert process_time() - start < 0.05


def test_recursion_at_run_time_is_linear() -> None:
    """A judge that asks again costs the same at every call."""
    program = (
        '(define (again text n) (if (= (number text) 0) "end" (again (concat n) (- n 1)))) (again (g "1") #)'
    )

    def running(calls: int) -> float:
        start = process_time()
        assert run(program.replace("#", str(calls))).text == "end"
        return process_time() - start

    running(50)
    few = min(running(90) for _ in range(3))
    many = min(running(900) for _ in range(2))
    assert many / 10 < few * MOST_GROWTH


@pytest.mark.parametrize("last", ["a", "FAIL"])
def test_a_long_chain_of_generations_runs(last: str) -> None:
    """As long as memory allows, also where its first link fails."""

    def reply(request: Request) -> str:
        if request.messages[-1][1] == "FAIL":
            raise GenerationError("engine-failed", "it failed")
        return "x"

    program = f'(fold (lambda (text i) (g text)) (g "{last}") (range 500))'
    engine = ScriptedEngine(reply)
    if last == "FAIL":
        with pytest.raises(GenerationError):
            run(program, engine)
    else:
        assert run(program, engine).text == "x"
        assert len(engine.requests) == 501
