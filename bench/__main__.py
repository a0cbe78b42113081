"""`python -m bench [--strict] [NAME …]`: run the measurements, or those named, and print their figures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from bench import finding, generating, keeping, processes, reading, repl, scheduling, servers, serving
from bench.figures import Figure

MEASUREMENTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "processes": processes.figures,
    "generating": generating.figures,
    "serving": serving.figures,
    "scheduling": scheduling.figures,
    "executor": scheduling.executor,
    "servers": servers.figures,
    "session-start": repl.starting,
    "session-typing": repl.typing,
    "session-streaming": repl.streaming,
    "duplicates": keeping.duplicates,
    "journal": keeping.journal,
    "finding": finding.figures,
    "reading": reading.reading,
    "expanding": reading.expanding,
    "mapping": reading.mapping,
}


def main(arguments: list[str]) -> int:
    """Print each figure as it is measured; with --strict, 1 where one is over its bound."""
    strict = "--strict" in arguments
    names = [argument for argument in arguments if argument != "--strict"] or list(MEASUREMENTS)
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(f"no measurement {unknown[0]}; there are {', '.join(MEASUREMENTS)}", file=sys.stderr)
        return 2
    over = 0
    for name in names:
        for figure in MEASUREMENTS[name]():
            print(figure, flush=True)
            over += not figure.within
    return 1 if strict and over else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
