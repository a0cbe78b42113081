"""Loading: every setting reaches the engine, and every model that cannot be had is refused with a reason."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import gguf
import mistralrs
import pytest
from engine.asking import ask, request
from fixtures_models import TINY, ModelFiles, adapter, copy_gguf

from spnl.backends.base import Engine
from spnl.backends.mistralrs import backend as module
from spnl.backends.mistralrs import loading
from spnl.backends.mistralrs.backend import MistralrsBackend
from spnl.backends.table import get_backend
from spnl.config import settle
from spnl.errors import ModelError, UsageError
from spnl.models import memory
from spnl.models.local import LocalModel
from spnl.settings import Settings

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
                MistralrsBackend(notes.append, settle(os.environ)).load(str(model))
        return dict(seen), notes

    return load


@pytest.fixture
def arguments(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Arguments]:
    """What the engine is given for a model and settings, on a device, and the notes."""

    def load(model: Path | str = "tiny", device: str = "cpu", **settings: Any) -> Arguments:
        notes: list[str] = []
        seen: dict[str, Any] = {}

        def spy(which: Any, **named: Any) -> Any:
            seen.update(named, which=which)
            raise Stop

        with monkeypatch.context() as patch:
            patch.setattr(mistralrs, "Runner", spy)
            patch.setattr(module, "choose_device", lambda settings: device)
            for kind in ("Plain", "GGUF", "Lora", "XLora", "XLoraGGUF", "GGML"):
                patch.setattr(mistralrs.Which, kind, Which(kind))
            with pytest.raises(ModelError):
                MistralrsBackend(notes.append, Settings(**settings)).load(str(model))
        return Arguments(seen.pop("which"), seen, notes)

    return load


class Which:
    """Stands for one of the engine's kinds of model, and keeps what it is given."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __call__(self, *given: Any, **named: Any) -> dict[str, Any]:
        left_out = {name: value for name, value in named.items() if value is not None}
        return {"kind": self.kind, "given": given, **left_out}


class Arguments(NamedTuple):
    """What reaches the engine: the model, the other arguments, and what the user is told."""

    which: dict[str, Any]
    options: dict[str, Any]
    notes: list[str]


DEFAULTS = {
    "token_source": "none", "prefix_cache_n": 16, "max_seqs": 32, "pa_blk_size": 32, "in_situ_quant": None
}  # fmt: skip


def test_without_variables_the_defaults_reach_the_engine(options: Any) -> None:
    assert options() == (DEFAULTS, [])


def test_the_prefix_cache(options: Any) -> None:
    assert options(PREFIX_CACHE_N="3") == (DEFAULTS | {"prefix_cache_n": 3}, [])
    assert options(PREFIX_CACHE_N="false") == (DEFAULTS | {"prefix_cache_n": 0}, [])


def test_quantisation_while_loading(options: Any, files: ModelFiles) -> None:
    assert options(files.safetensors, ISQ="Q4_K_M") == (DEFAULTS | {"in_situ_quant": "Q4K"}, [])
    given, notes = options("tiny", ISQ="Q4_K_M")
    assert "in_situ_quant" not in given
    assert notes == ["isq has no effect on tiny: it is quantised already"]


def test_paged_attention_on_a_cpu_is_a_note(options: Any) -> None:
    note = "paged_attn has no effect: paged attention needs CUDA or Metal"
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


def test_how_much_runs_at_once(arguments: Any) -> None:
    assert arguments(max_seqs=3).options == DEFAULTS | {"max_seqs": 3}


def test_numbers_and_files_reach_the_model(arguments: Any, files: ModelFiles) -> None:
    assert arguments().which == {"kind": "GGUF", "given": (str(TINY.parent), ["tiny.gguf"])}
    dtype = mistralrs.ModelDType
    assert arguments(dtype="bf16").which["dtype"] == dtype.BF16
    assert arguments(files.safetensors, dtype="f32").which["dtype"] == dtype.F32
    given = arguments(files.safetensors, topology="/t.yml", tokenizer="/t/tokenizer.json").which
    assert given == {
        "kind": "Plain",
        "given": (str(files.safetensors),),
        "topology": "/t.yml",
        "tokenizer_json": "/t/tokenizer.json",
    }
    assert arguments(topology="/t.yml", tokenizer="/t/tokenizer.json").which["topology"] == "/t.yml"


PAGED = {"paged_attention": True, "memory": 0.85, "cache_type": "f8e4m3"}


def test_all_that_needs_paged_attention_is_one_note_on_a_cpu(arguments: Any, files: ModelFiles) -> None:
    """Also a draft model, which is not even looked for."""
    seen = arguments(**PAGED, draft_model="no/where", draft_tokens=3, block_size=16)
    assert seen.options == DEFAULTS | {"pa_blk_size": 16}
    assert seen.notes == [
        "paged_attn, paged_attn_memory, paged_attn_cache_type, speculative_draft_model have no effect: "
        "paged attention needs CUDA or Metal"
    ]
    assert arguments(paged_attention=False, memory="4GiB").notes == [
        "paged_attn_memory has no effect: paged attention needs CUDA or Metal"
    ]


def test_memory_of_paged_attention_on_a_gpu(arguments: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python package of 0.9.5 does not give out the type of caches; where one does, it is used."""
    assert not hasattr(mistralrs, "PagedCacheType")
    seen = arguments(device="cuda", **PAGED)
    assert seen.options == DEFAULTS | {"paged_attn": True, "memory_goal": 0.85}
    assert seen.notes == ["paged_attn_cache_type has no effect: this release of the engine cannot be told"]
    monkeypatch.setattr(mistralrs, "PagedCacheType", SimpleNamespace(F8E4M3="fp8"), raising=False)
    assert arguments(device="cuda", cache_type="f8e4m3").options == DEFAULTS | {"pa_cache_type": "fp8"}


def test_an_assistant_that_proposes_tokens(arguments: Any, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"architectures": ["Gemma4AssistantForCausalLM"]}))
    seen = arguments(device="metal", draft_model=str(tmp_path), draft_tokens=6)
    assert seen.options == DEFAULTS | {"mtp_model": str(tmp_path), "mtp_n_predict": 6}
    config.write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    seen = arguments(device="metal", draft_model=str(tmp_path))
    assert seen.options == DEFAULTS
    assert "it is an ordinary draft model" in seen.notes[0]
    assert "speculative_gamma has no effect without" in arguments(device="metal", draft_tokens=6).notes[0]


def test_adapters_of_x_lora(arguments: Any, files: ModelFiles, tmp_path: Path) -> None:
    order = tmp_path / "order.json"
    xlora = {"xlora": str(tmp_path), "xlora_order": str(order)}
    common = {"xlora_model_id": str(tmp_path), "order": str(order)}
    seen = arguments(files.safetensors, **xlora)
    assert seen.which == {"kind": "XLora", "given": (), "model_id": str(files.safetensors), **common}
    assert arguments(**xlora).which == {
        "kind": "XLoraGGUF",
        "given": (str(TINY.parent), [TINY.name]),
        **common,
    }
    with pytest.raises(UsageError, match="X-LoRA needs both"):
        MistralrsBackend(print, Settings(xlora=str(tmp_path))).load("tiny")


def test_a_ggml_file(arguments: Any, tmp_path: Path) -> None:
    """The form before GGUF, told by its first bytes; it needs a tokenizer from elsewhere."""
    file = tmp_path / "old.ggml.q4_0.bin"
    file.write_bytes(b"tjgg" + bytes(60))
    seen = arguments(str(file), tokenizer="/t/tokenizer.json")
    assert seen.which == {"kind": "GGML", "given": (str(tmp_path), file.name, "/t")}
    with pytest.raises(UsageError, match="comes without a tokenizer"):
        MistralrsBackend(print, Settings()).load(str(file))


def test_a_chat_template_of_ones_own(load: Load, files: ModelFiles, tmp_path: Path) -> None:
    """The engine uses it, and so does what is shown of the prompt; also for a base model."""
    template = tmp_path / "mine.jinja"
    template.write_text("{{ messages[0].content }} is")
    for model in ("tiny", str(files.safetensors), str(files.base)):
        engine = MistralrsBackend(print, Settings(chat_template=str(template))).load(model)
        asked = request([("user", "The capital of France"), ("user", "ignored")])
        assert engine.render(asked) == "The capital of France is"
        answer = ask(engine, [("user", "The capital of France"), ("user", "ignored")])
        assert (answer.text[:2], answer.prompt_tokens) == ("Pa", 7)
    with pytest.raises(UsageError, match="cannot be read: is a directory"):
        MistralrsBackend(print, Settings(chat_template=str(tmp_path))).load("tiny")


def test_a_chat_template_that_the_engine_would_die_of_is_refused(tmp_path: Path) -> None:
    """It panics over any other name."""
    named, wrong = tmp_path / "mine.txt", tmp_path / "wrong.jinja"
    named.write_text("{{ messages[0].content }}")
    wrong.write_text("a\n{{ oops")
    for path, words in ((named, "names that end in .jinja"), (wrong, "wrong.jinja is wrong in line 2")):
        with pytest.raises(UsageError, match=words) as caught:
            MistralrsBackend(print, Settings(chat_template=str(path))).load("tiny")
        assert caught.value.id == "bad-setting"


def test_an_adapter_changes_what_a_model_says(load: Load, files: ModelFiles, tmp_path: Path) -> None:
    """One of zeros changes nothing; both stand beside the model without one."""
    question = "What is the capital of France?"
    noise = adapter(tmp_path / "noise", files.safetensors)
    zeros = adapter(tmp_path / "zeros", files.safetensors, strength=0.0)
    plain = ask(load(files.safetensors), question)
    assert ask(load(f"{files.safetensors}#adapter={zeros}"), question).text == plain.text
    assert ask(load(f"{files.safetensors}#adapter={noise}"), question).text != plain.text
    assert ask(load(files.safetensors), question).text == plain.text


def test_adapters_tell_models_apart(files: ModelFiles, tmp_path: Path) -> None:
    one = adapter(tmp_path / "one", files.safetensors)
    two = adapter(tmp_path / "two", files.safetensors)
    backend = MistralrsBackend(print, Settings())
    keys = {backend.key(f"{files.safetensors}{more}") for more in ("", f"#adapter={one}", f"#adapter={two}")}
    assert len(keys) == 3
    assert backend.key(f"{files.safetensors}/#adapter={tmp_path}/./one") in keys


def test_adapters_that_cannot_be_had(files: ModelFiles, tmp_path: Path) -> None:
    whole = adapter(tmp_path / "whole", files.safetensors)
    assert refusal(f"tiny#adapter={whole}").id == "bad-adapter"
    assert refusal(f"{files.safetensors}#adapter={tmp_path}/none").id == "no-such-model"
    assert refusal(f"{files.safetensors}#adapter=no/where").id == "no-such-model"
    (whole / "adapter_model.safetensors").unlink()
    assert "it has no adapter_model.safetensors" in refusal(f"{files.safetensors}#adapter={whole}").message


def test_large_weights_of_16_bits_on_a_cpu_are_a_hint(
    arguments: Any, files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_LARGE", 1_000_000)
    slow = "are F16, which is slow on a CPU: "
    assert arguments(files.safetensors).notes == [
        f"the weights of safetensors {slow}--isq Q4K quantises them while they load"
    ]
    assert arguments().notes == [f"the weights of tiny {slow}a file in Q4_K_M is several times faster"]
    assert arguments(files.q8).notes == []
    assert arguments(files.safetensors, isq="Q4K").notes == []
    assert arguments(files.safetensors, device="cuda").notes == []


def test_memory_is_looked_at_before_a_large_model_loads(
    arguments: Any, files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_LARGE", 1_000_000)
    size = files.q8.stat().st_size

    def here(available: int, total: int) -> None:
        monkeypatch.setattr(memory, "memory_here", lambda: memory.Memory(available, total))

    here(size, size)
    assert arguments(files.q8).notes == []
    here(size - 1, size)
    assert "may begin to swap" in arguments(files.q8).notes[0]
    here(size - 1, size - 1)
    error = refusal(files.q8)
    assert error.id == "out-of-memory"
    assert "of memory, and this machine has" in error.message


def test_the_machine_tells_its_memory() -> None:
    here = memory.memory_here()
    assert 0 < here.available <= here.total


def test_a_gpu_that_is_asked_for_and_not_seen_is_a_note(
    options: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "choose_device", lambda settings: settings.device)
    for seen, notes in ((True, 0), (False, 1)):
        monkeypatch.setattr(module, "has_gpu", lambda seen=seen: seen)
        assert len(options(DEVICE="cuda")[1]) == notes
    assert options(DEVICE="cpu")[1] == []


def test_a_device_is_worth_so_many_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = MistralrsBackend(print, Settings(device="cpu"))
    on_a_cpu = backend.load("tiny")
    assert on_a_cpu.batching.equal_only
    monkeypatch.setattr(module, "choose_device", lambda settings: "cuda")
    on_a_gpu = backend.load("tiny")
    assert not on_a_gpu.batching.equal_only
    assert on_a_gpu.parallel > on_a_cpu.parallel > 1


def test_a_base_model_gets_the_template_that_completes(options: Any, files: ModelFiles) -> None:
    given, _ = options(files.base)
    assert Path(given.pop("jinja_explicit")).is_file()
    assert given == DEFAULTS


def test_a_bad_variable_stops_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRALRS_PREFIX_CACHE_N", "many")
    with pytest.raises(UsageError, match="MISTRALRS_PREFIX_CACHE_N is 'many'"):
        MistralrsBackend(print, settle(os.environ)).load("tiny")


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
    engine = MistralrsBackend(lambda note: None, settle(os.environ)).load(str(files.safetensors))
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
    backend = MistralrsBackend(print, settle(os.environ))
    assert backend.key("tiny") == "tiny"
    assert backend.key(str(TINY)) == "tiny"
    monkeypatch.chdir(files.q8.parent)
    (tmp_path / "link.gguf").symlink_to(files.q8)
    assert backend.key("./q8.gguf") == backend.key("q8.gguf") == backend.key(str(tmp_path / "link.gguf"))
    assert backend.key("q8.gguf") == str(files.q8.resolve())


def test_only_a_load_that_takes_a_while_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = MistralrsBackend(print, settle(os.environ))
    assert backend.describe("tiny", False) is None
    for size, text in ((2_345_678_901, "2.3 GB"), (734_000_000, "734.0 MB")):
        found = LocalModel("gguf", TINY, (TINY,), "big.gguf", size)
        monkeypatch.setattr(module, "locate", lambda model, found=found: found)
        assert backend.describe("big", False) == f"big.gguf ({text})"


def refusal(model: Path | str) -> ModelError:
    with pytest.raises(ModelError) as caught:
        MistralrsBackend(print, settle(os.environ)).load(str(model))
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
        MistralrsBackend(print, settle(os.environ)).load("tiny")


def test_the_table_knows_this_machine() -> None:
    assert isinstance(get_backend("mistralrs", print, Settings()), MistralrsBackend)
    with pytest.raises(ModelError) as caught:
        get_backend("mistrals", print, Settings())
    assert caught.value.id == "no-backend"
    assert caught.value.helps[0] == "did you mean `mistralrs`?"


COUNT_THREADS = """
import os, sys, threading, time
sys.path.insert(0, sys.argv[1])
from spnl.backends.base import Request
from spnl.backends.mistralrs.backend import MistralrsBackend
from spnl.config import settle
from spnl.query import Sampling

backend = MistralrsBackend(print, settle(os.environ))
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
