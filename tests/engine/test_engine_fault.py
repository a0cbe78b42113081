"""The engine's fault, for which prompts are admitted one at a time, is still there."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fixtures_models import ModelFiles

# Only prompts of one length are read in one step, so the two differ in a digit.
TWO_AT_ONCE = """
import sys
import mistralrs

runner = mistralrs.Runner(mistralrs.Which.GGUF(sys.argv[1], sys.argv[2]))

def opened(text):
    return runner.send_chat_completion_request(mistralrs.ChatCompletionRequest(
        messages=[{"role": "user", "content": text}], model="default", stream=True, max_tokens=4))

for attempt in range(40):
    for stream in [opened(f"Tell me {attempt} 1"), opened(f"Tell me {attempt} 2")]:
        try:
            list(stream)
        except ValueError as error:
            print(str(error).partition("\\n")[0])
            sys.exit()
"""


def test_two_prompts_in_one_step_still_fail_in_plain_mistralrs(
    files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUST_LOG", "off")
    asked = [sys.executable, "-c", TWO_AT_ONCE, str(files.q8.parent), files.q8.name]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.startswith("input tensor is not contiguous"), (
        "40 pairs of prompts were read together and none failed: the engine's fault seems to be gone. "
        "If it is, `MistralrsEngine` need hold its lock no longer than it takes to open a request."
    )
