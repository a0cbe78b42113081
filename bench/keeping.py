"""Nothing twice: what equal generations cost, and what it costs to keep replies."""

from __future__ import annotations

import itertools
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import patch

from bench.figures import Figure, median_ratio, rounds

REPLIES = 24


def duplicates() -> Iterator[Figure]:
    """`repeat 8` at temperature 0 against one generation, on a model whose generations take a while."""
    import spnl
    from bench.models import random_llama

    count = itertools.count(100)
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, MISTRALRS_ISQ="Q4K"):
        model = f"mistralrs/{random_llama(Path(folder) / 'model')}"

        def generating(form: str) -> Callable[[], object]:
            def run() -> object:
                # No prompt is asked for twice: the engine would have it in its prefix cache.
                prompt = f"{next(count)} {'word ' * 50}"
                program = form.format(f'(g "{prompt}" (temperature 0) (max-tokens 32))')
                return spnl.run(program, model=model)

            return run

        eight, one = rounds([generating("(repeat 8 {})"), generating("{}")], count=10, warmups=2)
    yield Figure("one generation on the random model", statistics.median(one) * 1000, "ms")
    yield Figure("repeat 8 at temperature 0, against one generation", median_ratio(eight, one), "", 1.1)


def journal() -> Iterator[Figure]:
    """Replies of `tiny` with a journal, against the same without; and the same again, all found.

    At temperature 0, so that all rounds make the same tokens.
    """
    import spnl

    inputs = " ".join(f'"Count from {number} to 50."' for number in range(REPLIES))
    program = spnl.expand(f"(map {inputs} (temperature 0) (max-tokens 60))")
    with tempfile.TemporaryDirectory() as folder:
        names = itertools.count()
        last = Path(folder, "none")

        def fresh() -> object:
            nonlocal last
            last = Path(folder, f"{next(names)}.journal")
            return spnl.run(program, journal=last)

        kept, plain, found = rounds(
            [fresh, lambda: spnl.run(program), lambda: spnl.run(program, journal=last)], count=25, warmups=2
        )
    yield Figure(f"{REPLIES} replies of tiny", statistics.median(plain) * 1000, "ms")
    yield Figure("the same with a journal, against without", median_ratio(kept, plain), "", 1.02)
    yield Figure("the same found in a journal", statistics.median(found) / REPLIES * 1e6, "µs")
