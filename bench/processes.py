"""Whole processes: what `spnl` costs beside a plain script that does the same with the same file."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.figures import Figure, median_ratio, rounds

SPNL = Path(sys.executable).with_name("spnl")
QUESTION = "What is the capital of France?"

PLAIN = f"""
import os
os.environ["RUST_LOG"] = "off"
{{imports}}
import mistralrs
runner = mistralrs.Runner(mistralrs.Which.GGUF({{folder!r}}, {{file!r}}))
request = mistralrs.ChatCompletionRequest(
    messages=[{{{{"role": "user", "content": {QUESTION!r}}}}}], model="default", temperature=0.0,
    max_tokens=2048, stream=True)
for chunk in runner.send_chat_completion_request(request):
    print(chunk.choices[0].delta.content or "", end="", flush=True)
print()
"""


def figures() -> Iterator[Figure]:
    """The cost of a run, and of asking for the version."""
    from spnl.models.locating import locate

    tiny = locate("tiny").path
    plain = PLAIN.format(imports="", folder=str(tiny.parent), file=tiny.name)
    with_imports = PLAIN.format(imports="import click, lark", folder=str(tiny.parent), file=tiny.name)
    program = f'(generate (input "{QUESTION}") (temperature 0))'
    ours, theirs, imported = rounds(
        [
            _process(str(SPNL), "-q", "-c", program),
            _process(sys.executable, "-c", plain),
            _process(sys.executable, "-c", with_imports),
        ],
        count=15,
    )
    yield Figure("a plain script with mistralrs and tiny", statistics.median(theirs) * 1000, "ms")
    yield Figure("spnl -c, whole process, against the plain script", median_ratio(ours, theirs), "", 1.6)
    yield Figure("the plain script that also imports click and lark", median_ratio(imported, theirs))
    added = statistics.median(a - b for a, b in zip(ours, theirs, strict=True))
    imports = statistics.median(a - b for a, b in zip(imported, theirs, strict=True))
    yield Figure("what spnl adds, against what importing click and lark adds", added / imports, "", 1.3)
    version, nothing, click = rounds(
        [
            _process(str(SPNL), "--version"),
            _process(sys.executable, "-c", "pass"),
            _process(sys.executable, "-c", "import click"),
        ],
        count=15,
    )
    yield Figure("spnl --version, against python -c pass", median_ratio(version, nothing), "", 5)
    yield Figure("python -c 'import click', against python -c pass", median_ratio(click, nothing))


def _process(*command: str) -> Callable[[], object]:
    return partial(subprocess.run, command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
