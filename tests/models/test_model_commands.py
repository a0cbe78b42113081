"""`spnl list` and `spnl show`: what is on this machine, and what it is, without loading it."""

from __future__ import annotations

import json
import os
import struct
import time
from pathlib import Path

import pytest
from fixtures_models import TINY, ModelFiles
from invoking import invoke
from models.caches import Cache

from spnl.models.gguf import read_summary
from spnl.models.inventory import models_here
from spnl.models.locating import locate


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """An empty cache, where spnl looks."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return Cache(tmp_path / "hf")


def test_the_list_has_names_that_find_the_models(
    cache: Cache, files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.add("org/one-GGUF", {"one-Q8_0.gguf": TINY})
    cache.add("org/many-GGUF", {"many-Q8_0.gguf": TINY, "many-Q4_K_M.gguf": TINY, "many-IQ2_M.gguf": TINY})
    cache.add("org/two-GGUF", {"a-Q8_0.gguf": TINY, "sub/b-Q8_0.gguf": TINY})
    cache.add("org/tensors", {file.name: file for file in files.safetensors.iterdir()})
    cache.add("org/damaged-GGUF", {"x-Q8_0.gguf": b"GGUF"})
    cache.add("mlx-community/x-4bit", {"config.json": b"{}", "model.safetensors": b"", "tokenizer.json": b""})
    ran = invoke(monkeypatch, ["list", "--json"])
    assert (ran.code, ran.err) == (0, "")
    listed = {model["name"]: model for model in json.loads(ran.out)}
    assert list(listed) == [
        "tiny",
        "org/many-GGUF:Q4_K_M",
        "org/many-GGUF:Q8_0",
        "org/one-GGUF",
        "org/tensors",
        "org/two-GGUF/a-Q8_0.gguf",
        "org/two-GGUF/sub/b-Q8_0.gguf",
    ]
    for name, model in listed.items():
        found = locate(name)
        assert (str(found.path), found.size) == (model["path"], model["size"])
        assert model["context"] == 2048
    assert [listed[name]["quantisation"] for name in ("tiny", "org/one-GGUF", "org/tensors")] == [
        "F16",
        "Q8_0",
        "F16",
    ]


def test_the_list_as_a_table(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.add("org/one-GGUF", {"one-Q8_0.gguf": TINY})
    lines = invoke(monkeypatch, ["list"]).out.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", "tiny", "org/one-GGUF"]
    assert lines[1].endswith("  comes with spnl")
    assert lines[2].endswith("one-Q8_0.gguf")


def test_a_cache_of_200_models_is_listed_at_once(cache: Cache) -> None:
    for index in range(200):
        cache.add(f"org/m{index}-GGUF", {f"m{index}-Q8_0.gguf": b"", "README.md": b""})
        blob = next(cache.repo(f"org/m{index}-GGUF").glob("blobs/*gguf"))
        blob.unlink()
        blob.hardlink_to(tiny_in(cache))
    start = time.process_time()
    assert len(list(models_here(cache.folder))) == 201
    assert time.process_time() - start < 0.5


def tiny_in(cache: Cache) -> Path:
    """One copy of the bundled model, where links to it can be made."""
    copy = cache.home / "tiny.gguf"
    if not copy.exists():
        copy.write_bytes(TINY.read_bytes())
    return copy


def test_a_summary_stops_at_the_tokenizer(tmp_path: Path) -> None:
    def text(value: bytes) -> bytes:
        return struct.pack("<Q", len(value)) + value

    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 3)
    pairs = text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")
    pairs += text(b"llama.context_length") + struct.pack("<II", 4, 4096)
    (tmp_path / "x.gguf").write_bytes(head + pairs + text(b"tokenizer.ggml.tokens") + b"cut off")
    assert read_summary(tmp_path / "x.gguf").context_length == 4096


def test_a_gguf_model_is_shown(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.add("org/tiny-GGUF", {"tiny-F16.gguf": TINY})
    ran = invoke(monkeypatch, ["show", "mistralrs/org/tiny-GGUF", "--json"])
    shown = json.loads(ran.out)
    assert shown.pop("files")[0].endswith("tiny-F16.gguf")
    assert shown == {
        "name": "org/tiny-GGUF:F16",
        "architecture": "llama",
        "parameters": 1906752,
        "quantisation": "F16",
        "context": 2048,
        "chat_template": True,
        "roles": ["system", "user", "assistant"],
        "size": TINY.stat().st_size,
        "missing_bytes": 0,
        "runs": True,
        "refusal": None,
    }


def test_one_model_has_as_many_parameters_in_every_container(
    files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = [
        json.loads(invoke(monkeypatch, ["show", str(path), "--json"]).out)
        for path in (TINY, files.q8, files.split, files.safetensors)
    ]
    assert {model["parameters"] for model in shown} == {1906752}
    assert [model["quantisation"] for model in shown] == ["F16", "Q8_0", "F16", "F16"]
    assert [len(model["files"]) for model in shown] == [1, 1, 3, 1]
    assert shown[3]["architecture"] == "LlamaForCausalLM"
    assert all(model["roles"] == ["system", "user", "assistant"] for model in shown)


def test_what_is_special_is_said(files: ModelFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    base = invoke(monkeypatch, ["show", str(files.base)]).out.decode()
    assert "chat template  no: it completes plain text" in base
    assert "roles" not in base
    assert "are missing" in invoke(monkeypatch, ["show", str(files.header_only)]).out.decode()
    assert invoke(monkeypatch, ["show", str(files.q8)]).out.decode().startswith("name           q8.gguf\n")


@pytest.mark.parametrize("name", ["openai/gpt-4o", "nothing/here", "a b", "./none.gguf"])
def test_what_is_not_here_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = invoke(monkeypatch, ["show", name])
    assert (ran.code, ran.out) == (4, b"")
    assert ran.err.startswith("error[")


@pytest.mark.skipif(os.name == "nt", reason="the file is sparse where files can be")
def test_a_large_file_is_shown_from_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "large.gguf"
    path.write_bytes(TINY.read_bytes())
    with path.open("r+b") as file:
        file.truncate(40 * 1000**3)
    start = time.process_time()
    shown = json.loads(invoke(monkeypatch, ["show", str(path), "--json"]).out)
    assert shown["size"] == 40 * 1000**3
    assert time.process_time() - start < 2
