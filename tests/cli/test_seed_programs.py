"""The programs that this language was first shown with, with nothing but the model's name changed.

A completion, a conversation in three draws, and a batch.
"""

from __future__ import annotations

import pytest
from invoking import run_process

COMPLETION = """
(generate
  (model "mistralrs/tiny")
  (max-tokens 100)
  (temperature 0.7)
  (input "Explain quantum computing in simple terms."))
"""

CONVERSATION = """
(repeat
  (n 3)
  (g
    (model "mistralrs/tiny")
    (input
      (seq
        (system "You are a helpful assistant.")
        (user "What are the benefits of Rust?")))))
"""

BATCH = """
(map
  (model "mistralrs/tiny")
  (inputs
    "Translate to French: Hello"
    "Translate to Spanish: Hello"
    "Translate to German: Hello"))
"""


@pytest.mark.parametrize(("program", "replies"), [(COMPLETION, 1), (CONVERSATION, 3), (BATCH, 3)])
def test_it_runs_as_it_was_written(program: str, replies: int) -> None:
    """On the real engine: a reply for each draw and input; of a reply that was cut there may be a note."""
    ran = run_process("--output", "nul", "-c", program)
    assert ran.code == 0, ran.err
    assert ran.out.count(b"\0") == replies
    assert all("cut at max-tokens" in line for line in ran.err.splitlines())


def test_it_runs_with_the_model_named_in_the_environment() -> None:
    ran = run_process("-f", "-", stdin=COMPLETION.replace("mistralrs/tiny", "./none.gguf").encode())
    assert ran.code == 4
    without = COMPLETION.replace('(model "mistralrs/tiny")', "")
    assert run_process("-", stdin=without.encode(), env={"SPNL_MODEL": "local/tiny"}).code == 0
