"""Folders of models beside the cache: the configuration's, LM Studio's and llama.cpp's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from fixtures_models import TINY
from invoking import invoke

from spnl.errors import ModelError
from spnl.models.finding import find


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home with a configuration that names the folder `Models`, and nothing else in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("LLAMA_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    config = tmp_path / "config.toml"
    config.write_text('folders = ["~/Models"]\n')
    monkeypatch.setenv("SPNL_CONFIG", str(config))
    return tmp_path


def put(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(TINY, file)
    return file


REPO = "bartowski/Qwen2.5-Coder-7B-Instruct-GGUF"
FILE = "Qwen2.5-Coder-7B-Instruct-Q4_K_M.gguf"
LAYOUTS = {
    "the user's, by publisher": f"Models/{REPO}/{FILE}",
    "the user's, as the seeds have it": f"Models/Qwen2.5-Coder-7B-Instruct-GGUF/{FILE}",
    "LM Studio": f".lmstudio/models/{REPO}/{FILE}",
    "LM Studio before 0.3": f".cache/lm-studio/models/{REPO}/{FILE}",
    "llama.cpp": f".cache/llama.cpp/{REPO.replace('/', '_')}_{FILE}",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_repository_is_found_under_its_name(layout: str, home: Path) -> None:
    file = put(home / LAYOUTS[layout])
    for name in (REPO, f"{REPO}:Q4_K_M", f"{REPO}/{FILE}"):
        assert find(name).path == file
    with pytest.raises(ModelError) as caught:
        find(f"{REPO}:Q8_0")
    assert "there is no Q8_0" in caught.value.message


@pytest.mark.parametrize("layout", LAYOUTS)
def test_it_is_listed_under_a_name_that_finds_it(
    layout: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(home / LAYOUTS[layout])
    bundled, found = json.loads(invoke(monkeypatch, ["list", "--json"]).out)
    assert bundled["name"] == "tiny"
    assert (found["path"], found["quantisation"]) == (str(file), "Q4_K_M")
    assert find(found["name"]).path == file


def test_llama_cpp_says_where_its_cache_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLAMA_CACHE", str(home / "elsewhere"))
    file = put(home / "elsewhere" / f"org_repo_{FILE}")
    assert find("org/repo").path == file


def test_a_file_in_a_folder_of_the_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(home / "Models" / "x-Q8_0.gguf")
    assert [model["name"] for model in json.loads(invoke(monkeypatch, ["list", "--json"]).out)] == [
        "tiny",
        str(file),
    ]


def test_the_cache_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(home / "hf"))
    put(home / LAYOUTS["LM Studio"])
    cached = put(home / "hf/hub" / f"models--{REPO.replace('/', '--')}" / "snapshots" / ("a" * 40) / FILE)
    assert find(REPO).path == cached


def test_folders_that_are_not_there_are_no_matter(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(json.loads(invoke(monkeypatch, ["list", "--json"]).out)) == 1
    with pytest.raises(ModelError) as caught:
        find(REPO)
    assert caught.value.id == "no-such-model"
