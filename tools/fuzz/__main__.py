"""Fuzz one target: `python -m tools.fuzz TARGET FOLDER [LIBFUZZER-OPTION …]`."""

from __future__ import annotations

import sys

from tools.fuzz.running import TARGETS, fuzz

if len(sys.argv) < 3 or sys.argv[1] not in TARGETS:
    sys.exit(f"usage: python -m tools.fuzz {'|'.join(TARGETS)} FOLDER [LIBFUZZER-OPTION …]")
fuzz(sys.argv[1], sys.argv[2], sys.argv[3:])
