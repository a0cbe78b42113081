"""The order and the company of generations, against plain `mistralrs` code on the same model in the same run.

The model has 87 million random weights, made here and loaded with Q4K. Ratios are of the fastest of a few
rounds that are taken in turn: what a noisy machine adds to one of them says nothing.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from bench.figures import Figure, rounds
from bench.models import random_llama

ROUNDS = 3
TOKENS = 24
RULES = {name: f"You are {name}. " + f"{name} never forgets this rule. " * 30 for name in "ABCD"}
Prompt = list[dict[str, str]]


def figures() -> Iterator[Figure]:
    """32 requests under 4 long system prompts; 64 prompts of unequal, and of equal, lengths."""
    os.environ["MISTRALRS_ISQ"] = "Q4K"
    with tempfile.TemporaryDirectory() as folder:
        path = random_llama(Path(folder) / "model")
        yield from _shared_beginnings(path)
        yield from _company(path)


def _shared_beginnings(path: Path) -> Iterator[Figure]:
    """With an engine that remembers two prompts, so that the order given loses every beginning."""
    import spnl
    from spnl.backends.pool import ModelPool

    os.environ["MISTRALRS_PREFIX_CACHE_N"] = "2"
    pool = ModelPool()
    runner = _runner(pool, path)
    asks = [(rule, f"Question {number} of many") for number in range(10, 18) for rule in RULES.values()]
    given = [_prompt(text, rule) for rule, text in asks]
    best = [_prompt(text, rule) for rule, text in sorted(asks)]
    forms = " ".join(f'(g (seq (system "{rule}") (user "{text}")))' for rule, text in asks)
    query = spnl.expand(f"(par {forms})")
    ours, by_hand, as_given = map(
        min,
        rounds(
            [
                lambda: spnl.run(query, model=str(path), models=pool, temperature=0.0, max_tokens=TOKENS),
                lambda: _plain(runner, best),
                lambda: _plain(runner, given),
            ],
            ROUNDS,
            warmups=0,
        ),
    )
    yield Figure("32 requests under 4 system prompts, in the order given", as_given, "s")
    yield Figure("... time of ours against the best order by hand", ours / by_hand, "", 1.05)
    yield Figure("... time of ours against the order given", ours / as_given, "", 0.5)
    del os.environ["MISTRALRS_PREFIX_CACHE_N"]


def _company(path: Path) -> Iterator[Figure]:
    import spnl
    from spnl.backends.pool import ModelPool

    pool = ModelPool()
    runner = _runner(pool, path)
    texts = {
        "unequal": ["word " * (number * 29 % 64) + f"q{number}" for number in range(10, 74)],
        "equal": [f"Question {number} of many" for number in range(10, 74)],
    }
    for name, widths in (("unequal", (1,)), ("equal", (1, 2, 4, 8, 16))):
        prompts = [_prompt(text) for text in texts[name]]
        inputs = " ".join(f'"{text}"' for text in texts[name])
        query = spnl.expand(f"(map (inputs {inputs}))")
        ours = partial(spnl.run, query, model=str(path), models=pool, temperature=0.0, max_tokens=TOKENS)
        plain = [partial(_plain, runner, prompts, width) for width in widths]
        mine, *others = map(min, rounds([ours, *plain], ROUNDS, warmups=0))
        for width, taken in zip(widths, others, strict=True):
            yield Figure(f"64 {name} prompts, plain mistralrs, {width} at once", taken, "s")
        yield Figure(f"64 {name} prompts, ours against the best of these", mine / min(others), "", 1.05)


def executor() -> Iterator[Figure]:
    """What the executor itself costs, on an engine that says one word at once."""
    from resource import RUSAGE_SELF, getrusage

    import spnl
    from bench.figures import seconds
    from spnl.backends.base import Batching
    from tests.scripted import ScriptedEngine, ScriptedModels

    device = Batching(streams=16, prefills=1, equal_only=True, lending=16)
    rule = RULES["A"]
    for count in (1_000, 10_000, 100_000):
        for what, system in (("", "Be brief."), (" under a long system prompt", rule)):
            if count == 100_000 and what:
                continue
            inputs = f'(foreach i (range 0 {count}) (format "Question {{i}}"))'
            query = spnl.expand(f'(map (system "{system}") (inputs {inputs}) (max-tokens 1))')
            taken = []
            for _ in range(1 if count == 100_000 else 3):
                models = ScriptedModels(ScriptedEngine(parallel=4, batching=device))
                taken.append(seconds(partial(spnl.run, query, models=models)))
            each = min(taken) / count * 1e6
            yield Figure(f"the executor's own cost, {count} generations{what}, each", each, "µs", 100)
    yield Figure("memory of the whole process", getrusage(RUSAGE_SELF).ru_maxrss / 1024, "MB", 300)


def _runner(pool: Any, path: Path) -> Any:
    return pool.get(str(path))._runner


def _prompt(text: str, system: str | None = None) -> Prompt:
    before = [{"role": "system", "content": system}] if system is not None else []
    return [*before, {"role": "user", "content": text}]


def _plain(runner: Any, prompts: Sequence[Prompt], width: int = 1) -> None:
    """Plain code: `width` threads, one prompt read at a time, as the engine's fault asks for."""
    import mistralrs

    waiting: SimpleQueue[Prompt] = SimpleQueue()
    for prompt in prompts:
        waiting.put(prompt)
    one_prefill = threading.Lock()

    def work() -> None:
        while True:
            try:
                prompt = waiting.get_nowait()
            except Empty:
                return
            request = mistralrs.ChatCompletionRequest(
                messages=prompt, model="default", temperature=0.0, max_tokens=TOKENS, stream=True
            )
            with one_prefill:
                stream = runner.send_chat_completion_request(request)
                next(stream, None)
            for _ in stream:
                pass

    threads = [threading.Thread(target=work) for _ in range(width)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
