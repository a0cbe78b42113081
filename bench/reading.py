"""Reading and expanding: how the cost grows with the program, and how the reader compares with others."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from statistics import median

from bench.figures import Figure, median_ratio, processor_seconds, rounds, seconds

ONE = '(generate (model "mistralrs/tiny") (input (seq (system "Be brief.") (user "Question {}?"))))\n'
NODES_OF_ONE = 4
"""Query nodes of one such generation: the generation, the `seq`, and two messages."""


def reading() -> Iterator[Figure]:
    """Megabytes a second at growing sizes, and the ratio to other readers of the same text."""
    import hy
    import sexpdata

    from spnl.reader import read
    from spnl.source import Source

    speeds = []
    for size in (10_000, 100_000, 1_000_000):
        text = _program(size // len(ONE))
        taken = min(seconds(lambda text=text: read(Source("bench", text))) for _ in range(3))
        speeds.append(len(text) / taken / 1e6)
        yield Figure(f"reading {size // 1000} KB", speeds[-1], "MB/s")
    yield Figure("reading 1 MB, time a byte against 100 KB", speeds[1] / speeds[2], "", 1.3)
    text = _program(2_000)
    wrapped = f"({text})"
    ours, sexp, hylang = rounds(
        [
            lambda: read(Source("bench", text)),
            lambda: sexpdata.loads(wrapped),
            lambda: list(hy.read_many(text)),
        ],
        count=3,
    )
    yield Figure("reading, time against sexpdata (no positions)", median_ratio(ours, sexp))
    yield Figure("reading, time against hy's reader", median_ratio(ours, hylang))


def expanding() -> Iterator[Figure]:
    """Processor time a node for expanding and optimizing, at growing numbers of generations."""
    from spnl.expander import Expander
    from spnl.optimizer import optimize
    from spnl.reader import read
    from spnl.source import Source

    for count in (10, 100, 1_000, 10_000):
        program = read(Source("bench", f"(plus {_program(count)})"))
        optimize(Expander().program(program))  # the forms' modules are imported when they are first used
        taken = [
            processor_seconds(lambda program=program: optimize(Expander().program(program))) for _ in range(3)
        ]
        each = median(taken) / (count * NODES_OF_ONE) * 1e6
        yield Figure(f"expanding and optimizing {count} generations, a node", each, "µs", 50)


def mapping() -> Iterator[Figure]:
    """Memory of a `map` over many inputs, before it is executed."""
    from spnl.expander import Expander
    from spnl.reader import read
    from spnl.source import Source

    count = 100_000
    source = Source("bench", f'(map (inputs (foreach i (range 0 {count}) (format "Question {{i}}?"))))')
    program = read(source)
    Expander().program(program)
    tracemalloc.start()
    query = Expander().program(program)
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del query
    yield Figure(f"a map over {count} inputs, memory an input", size / count, "bytes", 1024)


def _program(count: int) -> str:
    return "".join(ONE.format(index) for index in range(count))
