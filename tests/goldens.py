"""Expected text in files: compared exactly, and rewritten on request.

`SPNL_REWRITE_GOLDENS=1 pytest …` writes what comes out into the files, to be read in the diff. Never in CI.
"""

from __future__ import annotations

import os
from pathlib import Path


def check(golden: Path, actual: str) -> None:
    """`actual` is what stands in the file `golden`, but for the line end that files have."""
    if os.environ.get("SPNL_REWRITE_GOLDENS") == "1":
        assert not os.environ.get("CI"), "goldens are not rewritten in CI"
        golden.write_text(actual + "\n", encoding="utf-8", newline="\n")
    assert golden.exists(), f"no expected text in {golden}: run once with SPNL_REWRITE_GOLDENS=1"
    assert actual + "\n" == golden.read_text(encoding="utf-8")
