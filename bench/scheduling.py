"""The order and the company of generations, against plain `mistralrs` code on the same model in the same run.

The model has 87 million random weights, made here and loaded with Q4K. Ratios are of the fastest of a few
rounds that are taken in turn: what a noisy machine adds to one of them says nothing. The model is built anew
before each: the engine keeps 38 MB of every prompt, and what it costs to let go of that is not to be measured
where it happens to fall due.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from bench.figures import Figure, processor_seconds, rounds, seconds
from bench.models import random_llama

ROUNDS = 4
TOKENS = 8
Prompt = list[dict[str, str]]


def figures() -> Iterator[Figure]:
    """32 requests under 4 long system prompts; 64 prompts of unequal, and of equal, lengths."""
    os.environ["MISTRALRS_ISQ"] = "Q4K"
    with tempfile.TemporaryDirectory() as folder:
        path = random_llama(Path(folder) / "model")
        yield from _shared_beginnings(path)
        yield from _company(path)


def _shared_beginnings(path: Path) -> Iterator[Figure]:
    """Four system prompts in turn. Each measurement has its own, which the engine has never read."""
    import spnl
    from spnl.backends.pool import ModelPool

    sets = itertools.count(10)

    def asks() -> list[tuple[str, str]]:
        rules = [_rule(f"{name}{next(sets)}") for name in "ABCD"]
        return [(rule, f"Question {number} of many") for number in range(10, 18) for rule in rules]

    def ours(pool: ModelPool) -> None:
        forms = " ".join(f'(g (seq (system "{rule}") (user "{text}")))' for rule, text in asks())
        spnl.run(f"(par {forms})", model=str(path), models=pool, temperature=0.0, max_tokens=TOKENS)

    def by_hand(pool: ModelPool) -> None:
        _plain(_runner(pool, path), [_prompt(text, rule) for rule, text in sorted(asks())])

    remembering = ModelPool()
    actions = [partial(ours, remembering), partial(by_hand, remembering)]
    timed = rounds(actions, ROUNDS, before=partial(_build_anew, remembering, path))
    mine, best = map(min, timed)
    yield Figure("32 requests under 4 system prompts, the best order by hand", best, "s")
    yield Figure("... time of ours against it", mine / best, "", 1.05)
    remembering.unload_all()
    os.environ["MISTRALRS_PREFIX_CACHE_N"] = "0"
    forgetful = ModelPool()
    _build_anew(forgetful, path)
    forgotten = seconds(partial(by_hand, forgetful))
    del os.environ["MISTRALRS_PREFIX_CACHE_N"]
    yield Figure("... on an engine that remembers nothing", forgotten, "s")
    yield Figure("... time of ours against that", mine / forgotten, "", 0.5)


def _company(path: Path) -> Iterator[Figure]:
    """Prompts of different lengths, which gain nothing together, and of one length, which do."""
    import spnl
    from spnl.backends.pool import ModelPool

    pool = ModelPool()
    sets = itertools.count(100)

    def texts(name: str) -> list[str]:
        number = next(sets)
        lengths = [i * 29 % 32 if name == "unequal" else 3 for i in range(64)]
        return [f"{'word ' * length}q{i} of {number}" for i, length in enumerate(lengths, 10)]

    def ours(name: str) -> None:
        inputs = " ".join(f'"{text}"' for text in texts(name))
        spnl.run(f"(map (inputs {inputs}))", model=str(path), models=pool, temperature=0.0, max_tokens=TOKENS)

    def plain(name: str, width: int) -> None:
        _plain(_runner(pool, path), [_prompt(text) for text in texts(name)], width)

    for name, widths in (("unequal", (1,)), ("equal", (1, 4, 16))):
        others = [partial(plain, name, width) for width in widths]
        anew = partial(_build_anew, pool, path)
        mine, *best = map(min, rounds([partial(ours, name), *others], ROUNDS, before=anew))
        for width, taken in zip(widths, best, strict=True):
            yield Figure(f"64 {name} prompts, plain mistralrs, {width} at once", taken, "s")
        yield Figure(f"64 {name} prompts, ours against the best of these", mine / min(best), "", 1.05)


def executor() -> Iterator[Figure]:
    """What the executor itself costs, on an engine that says one word at once, whose work is counted too.

    It is measured by the processor's time, of all threads: who else is at work on the machine says nothing.
    """
    from resource import RUSAGE_SELF, getrusage

    import spnl
    from spnl.backends.base import Batching
    from tests.scripted import ScriptedEngine, ScriptedModels

    device = Batching(streams=16, prefills=1, equal_only=True, lending=16)
    rule = _rule("A")
    for count in (1_000, 10_000, 100_000):
        for what, system in (("", "Be brief."), (" under a long system prompt", rule)):
            if count == 100_000 and what:
                continue
            inputs = f'(foreach i (range 0 {count}) (format "Question {{i}}"))'
            query = spnl.expand(f'(map (system "{system}") (inputs {inputs}) (max-tokens 1))')
            taken = []
            for _ in range(2 if count == 100_000 else 3):
                models = ScriptedModels(ScriptedEngine(parallel=4, batching=device))
                taken.append(processor_seconds(partial(spnl.run, query, models=models)))
            each = min(taken) / count * 1e6
            yield Figure(f"the executor's own cost, {count} generations{what}, each", each, "µs", 100)
    count = 10_000
    each = min(processor_seconds(partial(_hand_on, count)) for _ in range(3)) / count * 1e6
    yield Figure("handing a thing on to a thread and back, in plain code", each, "µs")
    yield Figure("memory of the whole process", getrusage(RUSAGE_SELF).ru_maxrss / 1024, "MB", 300)


def _hand_on(count: int) -> None:
    """Give another thread one thing after another, and wait for each to come back."""
    there: SimpleQueue[int | None] = SimpleQueue()
    back: SimpleQueue[int] = SimpleQueue()

    def work() -> None:
        while (thing := there.get()) is not None:
            back.put(thing)

    thread = threading.Thread(target=work)
    thread.start()
    for number in range(count):
        there.put(number)
        back.get()
    there.put(None)
    thread.join()


def _build_anew(pool: Any, path: Path) -> None:
    """Have the model in memory, with nothing read yet, and the memory of the one before given back."""
    from spnl.backends.mistralrs.runners import give_back

    pool.unload_all()
    pool.get(str(path))
    give_back()


def _runner(pool: Any, path: Path) -> Any:
    """The package's own runner of a model, which ours has too."""
    return pool.get(str(path))._runner.current()


def _rule(name: str) -> str:
    """A long system prompt."""
    return f"You are {name}. " + f"{name} never forgets this rule. " * 16


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
