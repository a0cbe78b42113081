"""Finding a model's files, and saying what is wrong where there is none."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from fixtures_models import TINY, ModelFiles

from spnl.errors import ModelError
from spnl.models.locating import locate


def _refusal(rest: str | Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        locate(str(rest))
    assert caught.value.exit_code == 4
    return caught.value


def test_tiny_is_the_file_of_the_package() -> None:
    model = locate("tiny")
    assert (model.kind, model.name, model.path) == ("gguf", "tiny", TINY.resolve())
    assert model.size == TINY.stat().st_size


def test_a_file_by_its_path(files: ModelFiles) -> None:
    model = locate(str(files.q8))
    assert (model.kind, model.path, model.files) == ("gguf", files.q8, (files.q8,))
    assert (model.name, model.size) == ("q8.gguf", files.q8.stat().st_size)


def test_a_path_is_relative_to_the_working_directory(
    files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files.q8.parent)
    assert locate("./q8.gguf").path.resolve() == files.q8
    assert locate("q8.gguf").path.resolve() == files.q8


def test_a_path_from_the_home_folder(files: ModelFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(files.q8.parent))
    monkeypatch.setenv("USERPROFILE", str(files.q8.parent))
    assert locate("~/q8.gguf").path == files.q8


def test_a_folder_of_safetensors(files: ModelFiles) -> None:
    model = locate(str(files.safetensors))
    assert (model.kind, model.path, model.name) == ("folder", files.safetensors, "safetensors")
    assert [file.name for file in model.files] == ["model.safetensors"]


def test_a_folder_with_one_gguf_file(tmp_path: Path) -> None:
    shutil.copy(TINY, tmp_path / "some.gguf")
    (tmp_path / "mmproj-some.gguf").write_bytes(b"an image encoder is no model of its own")
    model = locate(str(tmp_path))
    assert (model.kind, model.path, model.name) == ("gguf", tmp_path / "some.gguf", "some.gguf")


def test_any_part_of_a_split_model_means_the_whole(files: ModelFiles) -> None:
    names = [f"split-0000{index}-of-00003.gguf" for index in (1, 2, 3)]
    for name in names:
        model = locate(str(files.split.with_name(name)))
        assert model.path == files.split
        assert [file.name for file in model.files] == names
        assert model.size == sum(file.stat().st_size for file in model.files)


def test_a_part_that_is_missing_is_named(files: ModelFiles, tmp_path: Path) -> None:
    shutil.copy(files.split, tmp_path)
    error = _refusal(tmp_path)
    assert error.id == "damaged-model"
    assert "split-00002-of-00003.gguf, split-00003-of-00003.gguf" in error.notes[0]


def test_a_path_to_nothing_says_where_it_looked_and_what_is_near(
    files: ModelFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert files.q8.exists()
    monkeypatch.chdir(files.q8.parent)
    error = _refusal("./q9.gguf")
    assert error.id == "no-such-model"
    assert error.notes == (f"looked in {files.q8.parent}",)
    assert error.helps == ("did you mean `q8.gguf`?",)
    assert _refusal("/no/such/folder/x.gguf").helps == ()


def test_a_hub_id_is_not_here_and_the_working_directory_does_not_shadow_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Qwen" / "Qwen3").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    error = _refusal("Qwen/Qwen3")
    assert error.id == "no-such-model"
    assert error.message == "the model `Qwen/Qwen3` is not on this machine"
    assert "give a path to a .gguf file or to a folder" in error.helps[-2]


def test_a_misspelt_prefix_or_name_is_recognised() -> None:
    assert _refusal("mistralr/tiny").helps[0] == "did you mean `mistralrs/tiny`?"
    assert _refusal("tinny").helps[0] == "did you mean `tiny`?"
    assert len(_refusal("openai/gpt-oss-20b").helps) == 2


def test_a_text_file_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "notes.gguf").write_text("hello")
    error = _refusal(tmp_path / "notes.gguf")
    assert (error.id, error.message) == ("not-a-model", f"{tmp_path / 'notes.gguf'} is not a GGUF file")


def test_a_folder_without_a_model_says_what_was_looked_for_and_what_is_there(tmp_path: Path) -> None:
    assert _refusal(tmp_path).notes[-1] == "it is empty"
    for index in range(10):
        (tmp_path / f"{index}.txt").touch()
    error = _refusal(tmp_path)
    assert error.id == "not-a-model"
    assert "config.json and *.safetensors" in error.notes[0]
    assert error.notes[1] == "it holds " + ", ".join(f"{index}.txt" for index in range(8)) + " and 2 more"


def test_a_folder_with_several_models_asks_for_one(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        shutil.copy(TINY, tmp_path / name)
    error = _refusal(tmp_path)
    assert error.message == f"{tmp_path} holds 2 models"
    assert str(tmp_path / "a.gguf") in error.helps[0]


def test_shards_that_the_index_lists_must_be_there(files: ModelFiles, tmp_path: Path) -> None:
    folder = shutil.copytree(files.safetensors, tmp_path / "model")
    index = {"weight_map": {"x": "model.safetensors", "y": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    error = _refusal(folder)
    assert error.id == "damaged-model"
    assert error.message.endswith("are missing: model-00002-of-00002.safetensors")


@pytest.mark.parametrize("content", ["{", "[]", "\xff"])
def test_a_configuration_that_is_no_json_object_is_damage(
    content: str, files: ModelFiles, tmp_path: Path
) -> None:
    folder = shutil.copytree(files.safetensors, tmp_path / "model")
    (folder / "config.json").write_text(content, encoding="latin-1")
    error = _refusal(folder)
    assert error.id == "damaged-model"
    assert str(folder / "config.json") in error.message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes")
def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.gguf")
    assert _refusal(tmp_path / "x.gguf").message.endswith("is neither a file nor a folder")


def test_a_name_no_file_system_takes_is_simply_not_there() -> None:
    assert _refusal("./" + "x" * 5000 + ".gguf").id == "no-such-model"
