"""Models in the Hugging Face cache: found in all of its forms, told of where they are not, and no network."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from fixtures_models import TINY, ModelFiles
from invoking import process_environment
from models.caches import Cache
from safetensors.numpy import load_file, save_file

import spnl
from spnl.errors import ModelError
from spnl.models.cache import cache_folder
from spnl.models.locating import locate

ONE, TWO = "1" * 40, "2" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """An empty cache, where spnl looks."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return Cache(tmp_path / "hf")


def refusal(name: str) -> ModelError:
    with pytest.raises(ModelError) as caught:
        locate(name)
    return caught.value


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HF_HUB_CACHE": "", "HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
    ],
)
def test_where_the_cache_is(environ: dict[str, str], expected: str) -> None:
    assert cache_folder(environ) == Path(expected)


def test_where_the_cache_is_without_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert cache_folder({}) == tmp_path / ".cache" / "huggingface" / "hub"
    assert cache_folder({"HF_HOME": "~/x"}) == tmp_path / "x" / "hub"


@pytest.mark.parametrize("copies", [False, True])
def test_a_cached_model_is_found_by_its_name(cache: Cache, copies: bool) -> None:
    place = cache.add("org/tiny-GGUF", {"tiny.Q8_0.gguf": TINY, "README.md": b""}, copies=copies)
    model = locate("org/tiny-GGUF")
    assert (model.kind, model.path) == ("gguf", place / "tiny.Q8_0.gguf")
    assert (model.name, model.quant, model.size) == ("org/tiny-GGUF:Q8_0", "Q8_0", TINY.stat().st_size)
    assert locate("org/tiny-GGUF:q8_0").path == model.path
    assert locate("org/tiny-GGUF/tiny.Q8_0.gguf").path == model.path
    assert locate("org/tiny-GGUF@main").path == model.path


def test_a_file_in_a_sub_folder_in_parts(cache: Cache, files: ModelFiles) -> None:
    parts = [files.split.with_name(f"split-0000{index}-of-00003.gguf") for index in (1, 2, 3)]
    cache.add("org/x-GGUF", {f"Q4_K_M/{part.name}": part for part in parts})
    model = locate("org/x-GGUF")
    assert [file.name for file in model.files] == [part.name for part in parts]
    assert locate(f"org/x-GGUF/Q4_K_M/{parts[2].name}").files == model.files


def test_a_safetensors_model(cache: Cache, files: ModelFiles) -> None:
    place = cache.add("org/tiny", {file.name: file for file in files.safetensors.iterdir()})
    model = locate("org/tiny")
    assert (model.kind, model.path, model.name) == ("folder", place, "org/tiny")


def test_revisions(cache: Cache) -> None:
    old = cache.add("org/m", {"m-Q8_0.gguf": TINY}, commit=ONE, refs=("main", "refs/pr/1"), age=100)
    new = cache.add("org/m", {"m-Q8_0.gguf": TINY}, commit=TWO, refs=("v2",))
    assert locate("org/m").path.parent == old
    assert locate("org/m@refs/pr/1").path.parent == old
    assert locate("org/m@v2:Q8_0").path.parent == new
    assert locate(f"org/m@{TWO[:8]}").path.parent == new
    error = refusal("org/m@v3")
    assert error.id == "no-such-model"
    assert error.notes[-1] == "of org/m there is main, refs/pr/1, v2"
    (cache.repo("org/m") / "refs" / "main").unlink()
    assert locate("org/m").path.parent == new


def test_a_cached_file_other_than_the_preferred_is_used_unless_one_was_asked_for(cache: Cache) -> None:
    cache.add("org/m", {"README.md": b""}, commit=ONE)
    old = cache.add("org/m", {"m-Q6_K.gguf": TINY}, commit=TWO, refs=(), age=100)
    assert locate("org/m").path == old / "m-Q6_K.gguf"
    assert locate("org/m:Q6_K").path == old / "m-Q6_K.gguf"
    error = refusal("org/m:Q4_K_M")
    assert (error.id, error.message) == ("no-such-model", "there is no Q4_K_M of org/m here")


def test_an_interrupted_download_is_no_file(cache: Cache) -> None:
    place = cache.add("org/m", {"m-Q8_0.gguf": TINY})
    blobs = cache.repo("org/m") / "blobs"
    (blobs / "0123.incomplete").write_bytes(b"GGUF")
    (place / "m-Q4_K_M.gguf").symlink_to("../../blobs/0123")
    assert locate("org/m").path.name == "m-Q8_0.gguf"
    error = refusal("org/m:Q4_K_M")
    assert error.notes == ("a download of it was interrupted",)
    assert error.helps == ("what is there: Q8_0", "`spnl pull org/m:Q4_K_M` fetches it from the hub")


def test_a_name_that_is_not_cached_says_where_was_looked_and_what_is_near(cache: Cache) -> None:
    cache.add("Qwen/Qwen3-1.7B-GGUF", {"Qwen3-1.7B-Q8_0.gguf": TINY})
    error = refusal("qwen/qwen3-1.7b-gguf:Q8_0")
    assert error.id == "no-such-model"
    assert error.notes == (f"looked in {cache.folder}",)
    assert error.helps[0] == "did you mean `Qwen/Qwen3-1.7B-GGUF:Q8_0`?"
    assert "give a path to a .gguf file or to a folder" in error.helps[-2]
    assert error.helps[-1] == "`spnl pull qwen/qwen3-1.7b-gguf:Q8_0` fetches it from the hub"


def test_a_path_that_looks_like_a_file_of_a_repository(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    shutil.copy(TINY, tmp_path / "a" / "b" / "x.gguf")
    assert locate("a/b/x.gguf").path == Path("a/b/x.gguf")
    cached = cache.add("a/b", {"x.gguf": TINY})
    assert locate("a/b/x.gguf").path == cached / "x.gguf"
    assert locate("./a/b/x.gguf").path == Path("a/b/x.gguf")
    assert refusal("a/c/x.gguf").message == "there is no file or folder a/c/x.gguf"


def test_an_mlx_model_is_refused_by_its_name_its_configuration_and_its_tensors(
    cache: Cache, files: ModelFiles
) -> None:
    cache.add("org/tiny-GGUF", {"tiny-Q8_0.gguf": TINY})
    error = refusal("mlx-community/tiny-4bit")
    assert error.id == "unsupported-model"
    assert error.helps[0] == "on this machine is `org/tiny-GGUF`"
    parts: dict[str, Path | bytes] = {file.name: file for file in files.safetensors.iterdir()}
    config = json.loads((files.safetensors / "config.json").read_text())
    config["quantization"] = {"group_size": 64, "bits": 4}
    cache.add("org/by-config", parts | {"config.json": json.dumps(config).encode()})
    assert refusal("org/by-config").message.startswith("org/by-config is quantised for MLX")
    weights = load_file(files.safetensors / "model.safetensors")
    name = "model.layers.0.mlp.gate_proj"
    weights |= {
        f"{name}.scales": weights["model.norm.weight"],
        f"{name}.biases": weights["model.norm.weight"],
    }
    place = cache.add("org/by-tensors", parts)
    (place / "model.safetensors").unlink()
    save_file(weights, place / "model.safetensors")
    assert refusal("org/by-tensors").message.startswith("org/by-tensors is quantised for MLX")
    assert refusal(str(place)).id == "unsupported-model"


@pytest.mark.parametrize(
    ("content", "id", "words"),
    [
        ({"pytorch_model.bin": b"", "config.json": b"{}"}, "not-a-model", "as PyTorch pickles only"),
        ({"m-IQ2_M.gguf": b"GGUF"}, "unsupported-model", "cannot run weights quantised as those"),
        ({"m-00002-of-00002.gguf": b"GGUF"}, "damaged-model", "parts of org/m are missing"),
        ({"config.json": b"{}", "model.safetensors": b""}, "no-tokenizer", "without a tokenizer"),
        ({"a-Q4_K_M.gguf": b"GGUF", "b-Q4_K_M.gguf": b"GGUF"}, "not-a-model", "org/m holds 2 models"),
        ({"README.md": b""}, "not-a-model", "there is no model in what is on this machine of org/m"),
        ({"m-Q8_0.gguf": b"<html>"}, "not-a-model", "is not a GGUF file"),
        ({"m-Q8_0.gguf": b""}, "damaged-model", "is empty"),
    ],
)
def test_what_cannot_be_run_is_refused_before_loading(
    content: dict[str, Path | bytes], id: str, words: str, cache: Cache
) -> None:
    cache.add("org/m", content)
    error = refusal("org/m")
    assert error.id == id
    assert words in error.message


def test_a_cached_model_generates_and_no_socket_is_opened(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object, **named: object) -> NoReturn:
        raise AssertionError("a socket is opened")

    cache.add("org/tiny-GGUF", {"tiny.F16.gguf": TINY})
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    program = '(g "What is the capital of France?" (model "mistralrs/org/tiny-GGUF") (temperature 0))'
    assert str(spnl.run(program)) == "The capital of France is Paris."


def test_hugging_faces_library_is_not_imported(cache: Cache) -> None:
    """Nor anything that opens connections, in a process that finds a model and in one that does not."""
    cache.add("org/tiny-GGUF", {"tiny.F16.gguf": TINY})
    code = (
        "import sys; from spnl.cli import run\n"
        "assert run(['list']) == 0\n"
        "assert run(['show', 'org/tiny-GGUF']) == 0\n"
        "assert run(['show', 'org/nothing']) == 4\n"
        "print(sorted({'huggingface_hub', 'socket', 'ssl', 'mistralrs', 'lark'} & set(sys.modules)))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=process_environment()
    )
    assert ran.stdout.splitlines()[-1] == "[]", ran.stdout
