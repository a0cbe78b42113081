"""Ctrl-C on a real terminal, on the real engine: while a model loads, during prefill, and during decoding.

The promise is half a second; on two busy cores it took 10 to 60 ms. What these tests guard against, waiting
for the engine, takes several seconds.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import gguf
import numpy as np
import pytest
from fixtures_models import TINY
from invoking import Gated, command, gated_command, process_environment

if sys.platform != "linux":
    pytest.skip("needs /proc to see that the engine computes", allow_module_level=True)

from terminals import CTRL_C, Terminal

LIMIT = 0.5
LIMIT_OF_TESTS = 60
WIDTH, LAYERS, HEADS, INNER, CONTEXT = 512, 12, 8, 1536, 8192
QUESTION = "What is the capital of France? " * 500


@pytest.fixture(scope="session")
def big_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 40 million random weights: seconds of prefill, and replies without an end."""
    target = tmp_path_factory.mktemp("models") / "big.gguf"
    reader = gguf.GGUFReader(TINY)
    writer = gguf.GGUFWriter(target, "llama")
    for name, field in reader.fields.items():
        if name.startswith("tokenizer."):
            kind = field.types[0]
            inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), kind, inner)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    words = len(reader.fields["tokenizer.ggml.tokens"].data)
    for name, weights in random_weights(words):
        writer.add_tensor(name, weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def random_weights(words: int) -> Iterator[tuple[str, np.ndarray]]:
    """The tensors of a Llama, drawn once for each shape."""
    generator = np.random.default_rng(1)
    drawn: dict[tuple[int, int], np.ndarray] = {}

    def matrix(rows: int, columns: int) -> np.ndarray:
        if (rows, columns) not in drawn:
            drawn[rows, columns] = (generator.standard_normal((rows, columns)) * 0.02).astype(np.float16)
        return drawn[rows, columns]

    ones = np.ones(WIDTH, dtype=np.float32)
    yield "token_embd.weight", matrix(words, WIDTH)
    yield "output_norm.weight", ones
    for layer in range(LAYERS):
        before = f"blk.{layer}."
        yield f"{before}attn_norm.weight", ones
        yield f"{before}ffn_norm.weight", ones
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"{before}{name}.weight", matrix(WIDTH, WIDTH)
        yield f"{before}ffn_gate.weight", matrix(INNER, WIDTH)
        yield f"{before}ffn_up.weight", matrix(INNER, WIDTH)
        yield f"{before}ffn_down.weight", matrix(WIDTH, INNER)


def interrupted(terminal: Terminal) -> tuple[int, float]:
    """Press Ctrl-C: the exit code, and how long it took."""
    pressed = monotonic()
    terminal.press(CTRL_C)
    code = terminal.wait()
    return code, monotonic() - pressed


def on_terminal(*args: str) -> Terminal:
    return Terminal(command(*args), env=process_environment())


def assert_left_well(terminal: Terminal) -> None:
    """No traceback, no colour left on, the terminal's settings as they were."""
    assert b"Traceback" not in terminal.shown
    assert terminal.shown.rfind(b"\x1b[32m") <= terminal.shown.rfind(b"\x1b[0m")
    assert terminal.attributes() == terminal.before


def test_while_a_model_loads(big_model: Path) -> None:
    """The engine holds Python's lock while it loads, so the process dies of SIGINT, as the system has it."""
    with on_terminal("-v", "-m", str(big_model), "-c", '(g "a")') as terminal:
        terminal.read_until(b"loading big.gguf")
        terminal.wait_for_work(0.05)
        code, took = interrupted(terminal)
        late = b"loaded" in terminal.shown  # where the load was over when the key was seen
        assert code == (130 if late else -signal.SIGINT), terminal.shown
        assert took < LIMIT
        assert b"error" not in terminal.shown.replace(b"error[interrupted]", b"")
        assert_left_well(terminal)


def test_during_a_long_prefill(big_model: Path) -> None:
    """Nothing is said yet: the engine is inside one step that takes seconds."""
    with on_terminal("-v", "-m", str(big_model), "-c", f'(g "{QUESTION}" (max-tokens 1))') as terminal:
        terminal.read_until(b"loaded ")
        terminal.wait_for_work(0.3)
        code, took = interrupted(terminal)
        assert code == 130, terminal.shown
        assert took < LIMIT
        assert b"\x1b[32m" not in terminal.shown, "the prefill was over"
        assert b"interrupted" in terminal.shown
        assert_left_well(terminal)


def test_during_decoding(big_model: Path) -> None:
    with on_terminal("-m", str(big_model), "-c", '(g "a" (max-tokens 8000) (temperature 1))') as terminal:
        terminal.read_until(b"\x1b[32m")
        for _ in range(5):
            terminal.read_more()
        code, took = interrupted(terminal)
        assert code == 130, terminal.shown
        assert took < LIMIT
        assert b"interrupted" in terminal.shown
        assert_left_well(terminal)


HALF = '(seq (g "one") (g "two|three"))'


def on_gated_terminal(*args: str) -> tuple[int, bytes]:
    """Interrupt a run on a terminal in the midst of its second reply: the exit code, and what was shown."""
    gate, opener = os.pipe()
    try:
        with Terminal(
            gated_command("-q", "-m", "m", "-v", "-v", "-c", HALF, *args),
            env=process_environment(GATE=str(gate)),
            pass_fds=[gate],
        ) as terminal:
            terminal.read_until(b"user: two|three")
            code, took = interrupted(terminal)
            assert took < LIMIT
            assert_left_well(terminal)
            return code, terminal.shown
    finally:
        os.close(gate)
        os.close(opener)


def test_partial_writes_what_was_complete() -> None:
    """A list of records is otherwise written at the end only."""
    code, shown = on_gated_terminal("--output", "json", "--partial")
    assert (code, shown.count(b'"text": "one"'), shown.count(b'"text"')) == (130, 1, 1)
    code, shown = on_gated_terminal("--output", "json")
    assert (code, shown.count(b'"text"')) == (130, 0)


def test_partial_puts_the_file_in_place(tmp_path: Path) -> None:
    target = tmp_path / "answer.txt"
    assert on_gated_terminal("-o", str(target))[0] == 130
    assert not target.exists()
    assert on_gated_terminal("-o", str(target), "--partial")[0] == 130
    assert target.read_text(encoding="utf-8").startswith("one\n")


def test_the_second_interrupt_leaves_at_once() -> None:
    """Here while the first is being obeyed: nobody reads what it writes."""
    text = "x" * 100_000
    program = f'(seq (user "{text}") (print (concat "asked " (g "two|three"))))'
    with Gated("-m", "m", "-vv", "--output", "json", "--partial", "-c", program) as gated:
        while b"user: two|three" not in gated.stderr.readline():
            pass
        gated.process.send_signal(signal.SIGINT)
        assert gated.stdout.read(1) == b"["
        pressed = monotonic()
        gated.process.send_signal(signal.SIGINT)
        assert gated.process.wait(LIMIT_OF_TESTS) == 130
        assert monotonic() - pressed < LIMIT


def test_the_third_key_is_not_needed_while_a_prompt_is_read(big_model: Path) -> None:
    """The engine is in the midst of seconds of work; two keys in a row leave in good order or at once."""
    with on_terminal("-v", "-m", str(big_model), "-c", f'(g "{QUESTION}" (max-tokens 1))') as terminal:
        terminal.read_until(b"loaded ")
        terminal.wait_for_work(0.3)
        terminal.press(CTRL_C)
        code, took = interrupted(terminal)
        assert (code, took < LIMIT) == (130, True)
