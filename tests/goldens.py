"""Expected text in files: compared exactly, and rewritten on request.

`SPNL_REWRITE_GOLDENS=1 pytest …` writes what comes out into the files, to be read in the diff. Never in CI.
"""

from __future__ import annotations

import os
from pathlib import Path

IN_CI = bool(os.environ.get("CI"))
"""Read before any test runs: tests themselves run as if they were not in CI."""

REWRITE = os.environ.get("SPNL_REWRITE_GOLDENS") == "1"
"""Whether to write what comes out where it is expected."""

if REWRITE and IN_CI:
    raise RuntimeError("goldens are not rewritten in CI")


def check(golden: Path, actual: str) -> None:
    """`actual` is what stands in the file `golden`, but for the line end that files have."""
    if REWRITE:
        golden.write_text(actual + "\n", encoding="utf-8", newline="\n")
    assert golden.exists(), f"no expected text in {golden}: run once with SPNL_REWRITE_GOLDENS=1"
    assert actual + "\n" == golden.read_text(encoding="utf-8")
