"""Generating on a loaded model: what the executor adds to plain `mistralrs` code on the same engine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from bench.figures import Figure, median_ratio

QUESTION = "Count from 1 to 50."
TOKENS = 100


def figures() -> Iterator[Figure]:
    """Time to the first token, and tokens a second, one generation at a time."""
    import spnl
    from spnl.backends.pool import POOL
    from spnl.executor.answer import Style
    from spnl.executor.results import Leaf

    engine = POOL.get("mistralrs/tiny")

    class FirstToken:
        """Notes when the first piece of the answer arrives."""

        is_live = True

        def __init__(self) -> None:
            self.at = 0.0

        def begin(self, style: Style) -> None:
            self.at = time.perf_counter()

        def write(self, text: str) -> None: ...

        def end(self, leaf: Leaf) -> None: ...

    program = spnl.expand(f'(g "{QUESTION}" (temperature 0) (max-tokens {TOKENS}))')
    ours_first, ours_speed, plain_first, plain_speed = [], [], [], []
    for _ in range(30):
        first = FirstToken()
        started = time.perf_counter()
        answer = spnl.run(program, output=first)
        taken = time.perf_counter() - started
        ours_first.append(first.at - started)
        ours_speed.append(answer.replies[0].usage.completion_tokens / taken)
        plain = _plain(engine)
        plain_first.append(plain[0])
        plain_speed.append(plain[1])
    added = statistics.median(a - b for a, b in zip(ours_first, plain_first, strict=True))
    yield Figure("time to first token, more than plain mistralrs", added * 1000, "ms", 3)
    yield Figure("plain mistralrs on tiny", statistics.median(plain_speed), "tok/s")
    yield Figure("tokens a second, of plain mistralrs", median_ratio(ours_speed, plain_speed), "", 0.95, True)


def _plain(engine: object) -> tuple[float, float]:
    """Time to the first text and tokens a second of the same request, straight to the runner."""
    import mistralrs

    runner = engine._runner.current()  # type: ignore[attr-defined]
    request = mistralrs.ChatCompletionRequest(
        messages=[{"role": "user", "content": QUESTION}],
        model="default",
        temperature=0.0,
        max_tokens=TOKENS,
        stream=True,
    )
    started = time.perf_counter()
    first = None
    made = 0
    for chunk in runner.send_chat_completion_request(request):
        if first is None and chunk.choices[0].delta.content:
            first = time.perf_counter()
        if chunk.usage is not None:
            made = chunk.usage.completion_tokens
    taken = time.perf_counter() - started
    assert first is not None
    return first - started, made / taken
