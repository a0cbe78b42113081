"""What the engine makes of seeds, which is why its models take none; tells when that changes (0.9.5)."""

from __future__ import annotations

import subprocess
import sys

from invoking import process_environment

DRAW = """
import os, sys
os.environ["RUST_LOG"] = "off"
import mistralrs
from spnl.models.local import BUNDLED_FILE as file

which = mistralrs.Which.GGUF(str(file.parent), [file.name])
if sys.argv[1] == "seeded":
    try:
        mistralrs.Runner(which, seed=7)
    except ValueError as error:
        print(str(error).splitlines()[0])
    sys.exit()
runner = mistralrs.Runner(which)
for question in ("Suggest a name for a cat.", "Name a colour.", "Suggest a name for a cat."):
    request = mistralrs.ChatCompletionRequest(
        messages=[{"role": "user", "content": question}], model="default", temperature=1.5, max_tokens=30,
        stream=True)
    chunks = runner.send_chat_completion_request(request)
    print("".join(chunk.choices[0].delta.content or "" for chunk in chunks))
"""


def drawn(how: str = "") -> str:
    """What a process of its own draws from `tiny`."""
    command = [sys.executable, "-c", DRAW, how]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=process_environment())
    return ran.stdout


def test_draws_begin_alike_in_every_process() -> None:
    first, again = drawn(), drawn()
    assert first == again
    lines = first.splitlines()
    assert lines[0] != lines[2], "within a process, each is a draw of its own"


def test_a_seed_is_refused_on_a_cpu() -> None:
    assert "cannot seed the CPU rng" in drawn("seeded")
