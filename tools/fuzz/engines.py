"""Damaged models, whole, in the real engine: `python -m tools.fuzz.engines FOLDER COUNT [SEED]`.

Each is `tiny` with its header changed, some of its weights overwritten, or its end cut off, and each runs in
a process of its own. What ends other than with an answer or an error of ours is kept in FOLDER.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from spnl.models.gguf import read_header
from tools.fuzz.headers import TINY, mutate

SECONDS = 60
EXPECTED = (0, 1, 3, 4)
"""An answer, a failure of the engine, a prompt that is too long, a model that cannot be had."""


def damaged(whole: bytes, start: int, seed: int) -> bytes:
    """A model with something wrong with it; `start` is where its weights begin."""
    chance = random.Random(seed)
    match chance.randrange(4):
        case 0 | 1:
            return mutate(whole[:start], start + 4096, seed) + whole[start:]
        case 2:
            at, length = chance.randrange(start, len(whole)), chance.choice((1, 64, 4096, 65536))
            return whole[:at] + chance.randbytes(length) + whole[at + length :]
    return whole[: chance.randrange(len(whole))]


def run(path: Path) -> tuple[str, str]:
    """How a run with the model ends: `exit N`, `signal N` or `hang`; and what it says."""
    program = '(g "Hello" (max-tokens 4) (temperature 0))'
    command = [sys.executable, "-m", "spnl", "--model", str(path), "-c", program]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return "hang", ""
    said = done.stderr.decode("utf-8", "replace")
    return f"{'signal' if done.returncode < 0 else 'exit'} {abs(done.returncode)}", said


def main(folder: Path, count: int, seed: int) -> None:
    """Try `count` models, and say how they ended."""
    folder.mkdir(parents=True, exist_ok=True)
    whole, start = TINY.read_bytes(), read_header(TINY).data_start
    ends: Counter[str] = Counter()
    for number in range(seed, seed + count):
        path = folder / f"{number}.gguf"
        path.write_bytes(damaged(whole, start, number))
        end, said = run(path)
        ends[end] += 1
        if end in [f"exit {code}" for code in EXPECTED]:
            path.unlink()
        else:
            print(f"{path}: {end}\n{said[-2000:]}", flush=True)
    print(dict(ends))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
