"""Thousands of generations in one process: memory stays flat, no thread is left, no answer changes."""

from __future__ import annotations

import gc
import threading

import psutil
import pytest

import spnl
from spnl.backends.pool import ModelPool
from spnl.executor.workers import THREAD_NAME

RUNS, EACH, BLOCK = 100, 50, 10
QUESTION = "What is the capital of France?"
SLACK = 96 << 20
"""Bytes by which a peak may be above the first: growth is seen only when a reply has ended."""


@pytest.mark.soak
def test_five_thousand_generations() -> None:
    """Each run asks one question greedily and draws replies to others, which no other run asks."""
    pool = ModelPool()
    process = psutil.Process()
    answers: set[str] = set()
    peaks: list[int] = []
    threads: list[tuple[int, int]] = []
    for block in range(RUNS // BLOCK):
        peak = 0
        for number in range(block * BLOCK, (block + 1) * BLOCK):
            others = f'(foreach i (range 0 {EACH - 1}) (format "What is {{}} of {number}?" i))'
            program = f'(seq (g "{QUESTION}" (temperature 0)) (map (inputs {others}) (temperature 1)))'
            answer = spnl.run(program, model="tiny", models=pool, max_tokens=4, parallel=1 + number % 4)
            assert len(answer.replies) == EACH
            answers.add(answer.parts[0].text)
            peak = max(peak, process.memory_info().rss)
        peaks.append(peak)
        gc.collect()
        for thread in threading.enumerate():
            if thread.name == THREAD_NAME:
                thread.join(10)
        threads.append((threading.active_count(), process.num_threads()))
    print(f"peaks in MB: {[peak >> 20 for peak in peaks]}; threads of Python and in all: {threads}")
    assert len(answers) == 1
    assert max(peaks[1:]) <= peaks[0] + SLACK
    assert threads[-1][0] == threads[0][0]
    assert threads[-1][1] <= threads[0][1] + 2
