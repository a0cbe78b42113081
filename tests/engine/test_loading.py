"""Loading: every setting reaches the engine, and every model that cannot be had is refused with a reason."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import mistralrs
import pytest
from engine.asking import ask
from fixtures_models import TINY, ModelFiles, copy_gguf

from spnl.backends.base import Engine
from spnl.backends.mistralrs import backend as module
from spnl.backends.mistralrs.backend import MistralrsBackend
from spnl.backends.table import get_backend
from spnl.errors import ModelError, UsageError
from spnl.models.local import LocalModel

Load = Callable[[Path | str], Engine]


class Stop(Exception):
    """Ends a load at the seam, where only the arguments matter."""


@pytest.fixture
def options(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[dict[str, Any], list[str]]]:
    """What `Runner` is given for a model, and the notes, with variables set."""

    def spy(*given: Any, **named: Any) -> Any:
        seen.update(named)
        raise Stop

    seen: dict[str, Any] = {}
    monkeypatch.setattr(mistralrs, "Runner", spy)

    def load(model: Path | str = "tiny", **variables: str) -> tuple[dict[str, Any], list[str]]:
        seen.clear()
        notes: list[str] = []
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(f"MISTRALRS_{name}", value)
            with pytest.raises(ModelError):
                MistralrsBackend(notes.append).load(str(model))
        return dict(seen), notes

    return load


DEFAULTS = {"token_source": "none", "prefix_cache_n": 16, "pa_blk_size": 32, "in_situ_quant": None}


def test_without_variables_the_defaults_reach_the_engine(options: Any) -> None:
    assert options() == (DEFAULTS, [])


def test_the_prefix_cache(options: Any) -> None:
    assert options(PREFIX_CACHE_N="3") == (DEFAULTS | {"prefix_cache_n": 3}, [])
    assert options(PREFIX_CACHE_N="false") == (DEFAULTS | {"prefix_cache_n": 0}, [])


def test_quantisation_while_loading(options: Any, files: ModelFiles) -> None:
    assert options(files.safetensors, ISQ="Q4_K_M") == (DEFAULTS | {"in_situ_quant": "Q4K"}, [])
    given, notes = options("tiny", ISQ="Q4_K_M")
    assert "in_situ_quant" not in given
    assert notes == ["MISTRALRS_ISQ has no effect on tiny: GGUF files are quantised already"]


def test_paged_attention_on_a_cpu_is_a_note(options: Any) -> None:
    note = "MISTRALRS_PAGED_ATTN has no effect: paged attention needs CUDA or Metal"
    assert options(PAGED_ATTN="1", DEVICE="cpu") == (DEFAULTS, [note])
    assert options(PAGED_ATTN="0", DEVICE="cpu") == (DEFAULTS | {"no_paged_attn": True}, [])


def test_paged_attention_on_a_gpu(options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "choose_device", lambda settings: "cuda")
    assert options() == (DEFAULTS, [])
    assert options(PAGED_ATTN="1", PAGED_ATTN_BLOCK_SIZE="16") == (
        DEFAULTS | {"paged_attn": True, "pa_blk_size": 16},
        [],
    )
    assert options(PAGED_ATTN="0") == (DEFAULTS | {"no_paged_attn": True}, [])


def test_a_gpu_that_is_asked_for_and_not_seen_is_a_note(
    options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "choose_device", lambda settings: settings.device)
    for seen, notes in ((True, 0), (False, 1)):
        monkeypatch.setattr(module, "has_gpu", lambda seen=seen: seen)
        assert len(options(DEVICE="cuda")[1]) == notes
    assert options(DEVICE="cpu")[1] == []


def test_a_device_is_worth_so_many_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = MistralrsBackend(print)
    monkeypatch.setenv("MISTRALRS_DEVICE", "cpu")
    assert backend.load("tiny").parallel == 1
    monkeypatch.setattr(module, "choose_device", lambda settings: "cuda")
    assert backend.load("tiny").parallel > 1


def test_a_base_model_gets_the_template_that_completes(options: Any, files: ModelFiles) -> None:
    given, _ = options(files.base)
    assert Path(given.pop("jinja_explicit")).is_file()
    assert given == DEFAULTS


def test_a_bad_variable_stops_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRALRS_PREFIX_CACHE_N", "many")
    with pytest.raises(UsageError, match="MISTRALRS_PREFIX_CACHE_N is 'many'"):
        MistralrsBackend(print).load("tiny")


@pytest.mark.parametrize(
    "variables",
    [
        {"MISTRALRS_ISQ": "Q8_0", "MISTRALRS_PREFIX_CACHE_N": "0", "MISTRALRS_DEVICE": "cpu"},
        {"MISTRALRS_ISQ": "Q4_K_M", "MISTRALRS_PAGED_ATTN": "1", "MISTRALRS_PAGED_ATTN_BLOCK_SIZE": "8"},
    ],
)
def test_the_engine_takes_what_it_is_given(
    variables: dict[str, str], files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    engine = MistralrsBackend(lambda note: None).load(str(files.safetensors))
    assert ask(engine, "Hello there").text


def test_the_same_weights_say_the_same_in_every_container(load: Load, files: ModelFiles) -> None:
    expected = ask(load("tiny"), "What is the capital of France?")
    assert ask(load(files.safetensors), "What is the capital of France?") == expected
    assert ask(load(files.split), "What is the capital of France?") == expected


def test_a_base_model_in_a_folder_completes(load: Load, files: ModelFiles, tmp_path: Path) -> None:
    folder = shutil.copytree(files.safetensors, tmp_path / "model")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    del config["chat_template"]
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    assert ask(load(folder), "The capital of France is") == ask(load(files.base), "The capital of France is")


def test_names_of_one_file_have_one_key(
    files: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = MistralrsBackend(print)
    assert backend.key("tiny") == "tiny"
    assert backend.key(str(TINY)) == "tiny"
    monkeypatch.chdir(files.q8.parent)
    (tmp_path / "link.gguf").symlink_to(files.q8)
    assert backend.key("./q8.gguf") == backend.key("q8.gguf") == backend.key(str(tmp_path / "link.gguf"))
    assert backend.key("q8.gguf") == str(files.q8.resolve())


def test_only_a_load_that_takes_a_while_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = MistralrsBackend(print)
    assert backend.describe("tiny") is None
    for size, text in ((2_345_678_901, "2.3 GB"), (734_000_000, "734.0 MB")):
        found = LocalModel("gguf", TINY, (TINY,), "big.gguf", size)
        monkeypatch.setattr(module, "locate", lambda model, found=found: found)
        assert backend.describe("big") == f"big.gguf ({text})"


def refusal(model: Path | str) -> ModelError:
    with pytest.raises(ModelError) as caught:
        MistralrsBackend(print).load(str(model))
    error = caught.value
    assert error.exit_code == 4
    assert all("\n" not in line and len(line) < 400 for line in (error.message, *error.notes, *error.helps))
    return error


def test_a_truncated_file_is_refused_before_the_engine_sees_it(
    files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mistralrs, "Runner", None)
    for path in (files.truncated, files.header_only):
        error = refusal(path)
        assert error.id == "damaged-model"
        assert error.message.startswith(f"{path} is cut off: ")
        assert error.message.endswith(f" of its {TINY.stat().st_size / 1e6:.1f} MB are missing")


VARIANTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "architecture": ({"changed": {"general.architecture": "florp"}}, "unsupported-model", "florp"),
    "iq": ({"quantise": gguf.GGMLQuantizationType.IQ4_NL}, "unsupported-model", "IQ4_NL"),
    "no tokens": ({"dropped": ("tokenizer.ggml.tokens",)}, "no-tokenizer", "Tokenizer is missing"),
    "no merges": ({"dropped": ("tokenizer.ggml.merges",)}, "no-tokenizer", "merges"),
    "kind of tokenizer": ({"changed": {"tokenizer.ggml.model": "florp"}}, "no-tokenizer", "florp"),
    "no context": ({"dropped": ("llama.context_length",)}, "damaged-model", "context_length"),
    "layers": ({"changed": {"llama.block_count": 99}}, "damaged-model", "Missing required tensor"),
    "end of text": ({"changed": {"tokenizer.ggml.eos_token_id": 99_999}}, "damaged-model", "99999"),
    "heads": ({"changed": {"llama.attention.head_count": 7}}, "load-failed", "divisible by 7"),
}


@pytest.mark.parametrize("case", VARIANTS)
def test_a_gguf_file_that_the_engine_refuses(case: str, tmp_path: Path) -> None:
    change, id, said = VARIANTS[case]
    error = refusal(copy_gguf(tmp_path / "x.gguf", **change))
    assert error.id == id
    assert "x.gguf" in error.message
    assert error.notes[0].startswith("the engine says: ")
    assert said in error.notes[0]
    assert error.detail.startswith(error.notes[0].removeprefix("the engine says: ")[:100])


def configured(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "no-tokenizer"),
    "tokenizer": (lambda folder: (folder / "tokenizer.json").write_text("{"), "damaged-model"),
    "tokenizer config": (lambda folder: (folder / "tokenizer_config.json").write_text("{"), "damaged-model"),
    "empty weights": (lambda folder: (folder / "model.safetensors").write_bytes(b""), "damaged-model"),
    "cut weights": (lambda folder: os.truncate(folder / "model.safetensors", 100_000), "damaged-model"),
    "layers": (lambda folder: configured(folder, num_hidden_layers=99), "damaged-model"),
    "architecture": (lambda folder: configured(folder, architectures=["Florp"]), "unsupported-model"),
    "mlx": (lambda folder: configured(folder, num_hidden_layers=99, quantization={}), "unsupported-model"),
}


@pytest.mark.parametrize("case", FOLDERS)
def test_a_folder_that_cannot_be_loaded(case: str, files: ModelFiles, tmp_path: Path) -> None:
    change, id = FOLDERS[case]
    folder = shutil.copytree(files.safetensors, tmp_path / "model")
    change(folder)
    assert refusal(folder).id == id


def test_a_panic_of_the_engine_is_an_error_too(
    files: ModelFiles, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(files.safetensors, tmp_path / "model")
    configured(folder, eos_token_id=99_999)
    error = refusal(folder)
    assert error.id == "load-failed"
    assert "EOS" in error.notes[0]
    assert "panicked" in capfd.readouterr().err  # the reason why this is worth a test


def test_an_interrupt_while_loading_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*given: Any, **named: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(mistralrs, "Runner", interrupt)
    with pytest.raises(KeyboardInterrupt):
        MistralrsBackend(print).load("tiny")


def test_the_table_knows_this_machine() -> None:
    assert isinstance(get_backend("mistralrs", print), MistralrsBackend)
    with pytest.raises(ModelError) as caught:
        get_backend("mistrals", print)
    assert caught.value.id == "no-backend"
    assert caught.value.helps[0] == "did you mean `mistralrs`?"


COUNT_THREADS = """
import os, sys, threading, time
sys.path.insert(0, sys.argv[1])
from spnl.backends.base import Request
from spnl.backends.mistralrs.backend import MistralrsBackend
from spnl.query import Sampling

backend = MistralrsBackend(print)
kept = backend.load("tiny")
before = len(os.listdir("/proc/self/task"))
for _ in range(3):
    engine = backend.load("tiny")
    asked = Request((("user", "Tell me of the sea."),), Sampling(max_tokens=500, temperature=1.0))
    stream = engine.stream(asked)
    next(stream)
    stream.close()
    engine.close()
    del engine, stream, asked
deadline = time.monotonic() + 20
while len(os.listdir("/proc/self/task")) > before and time.monotonic() < deadline:
    threading.Event().wait(0.01)
print(threading.active_count(), len(os.listdir("/proc/self/task")) - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux shows them")
def test_no_thread_outlives_its_engine() -> None:
    root = str(TINY.parent.parent.parent)
    asked = [sys.executable, "-c", COUNT_THREADS, root]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout == "1 0\n"
