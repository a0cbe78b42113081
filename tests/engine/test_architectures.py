"""The architectures that the engine runs: what we say of them is what it says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mistralrs
import pytest
from fixtures_models import ModelFiles, copy_gguf

from spnl.backends.mistralrs.backend import MistralrsBackend
from spnl.errors import ModelError
from spnl.models.architectures import FOLDERS, GGUF, GGUF_WITH_IMAGES
from spnl.settings import Settings


def engine_says(which: object) -> str:
    """What the engine says to a model that is of an architecture by name only."""
    try:
        mistralrs.Runner(which)
    except BaseException as error:
        return str(error)
    return ""


def refused(model: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        MistralrsBackend(print, Settings()).load(str(model))
    assert caught.value.id == "unsupported-model"
    return caught.value


def named(folder: Path, architecture: str) -> Path:
    """A GGUF file that says to be of an architecture."""
    return copy_gguf(folder / "x.gguf", changed={"general.architecture": architecture})


def test_the_engine_knows_each_gguf_architecture_that_we_say_it_does(tmp_path: Path) -> None:
    for architecture in sorted(GGUF):
        named(tmp_path, architecture)
        said = engine_says(mistralrs.Which.GGUF(str(tmp_path), "x.gguf"))
        assert "nknown" not in said and "only as a multimodal" not in said, said
    for architecture in sorted(GGUF_WITH_IMAGES):
        named(tmp_path, architecture)
        assert "only as a multimodal" in engine_says(mistralrs.Which.GGUF(str(tmp_path), "x.gguf"))


def test_the_engine_knows_each_architecture_of_folders(files: ModelFiles, tmp_path: Path) -> None:
    folder = shutil.copytree(files.safetensors, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    for architecture in sorted(FOLDERS):
        (folder / "config.json").write_text(json.dumps(config | {"architectures": [architecture]}))
        assert "Unsupported" not in engine_says(mistralrs.Which.Plain(str(folder)))


UNKNOWN = {"qwen2moe": "qwen3moe", "falcon": None, "mistral": "mistral3", "command-r": None, "olmo2": None}


@pytest.mark.parametrize("architecture", UNKNOWN)
def test_an_architecture_that_it_does_not_know_is_refused_first(
    architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = named(tmp_path, architecture)
    assert "nknown" in engine_says(mistralrs.Which.GGUF(str(tmp_path), "x.gguf"))
    monkeypatch.setattr(mistralrs, "Runner", None)
    error = refused(path)
    assert error.message == f"the engine does not know the architecture of x.gguf, {architecture}"
    near = UNKNOWN[architecture]
    assert near is None or error.helps[0] == f"the nearest that it knows is {near}"
    assert "Granite are among the families" in error.helps[-1]


def test_models_of_images_are_refused(tmp_path: Path) -> None:
    assert "is a model of images and text (llama4)" in refused(named(tmp_path, "llama4")).message


def configured(files: ModelFiles, folder: Path, **changes: object) -> Path:
    """A folder whose config.json says something else."""
    shutil.copytree(files.safetensors, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    return folder


def test_a_folder_of_an_unknown_architecture_is_refused_first(
    files: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mistralrs, "Runner", None)
    error = refused(configured(files, tmp_path / "m", architectures=["Qwen2MoeForCausalLM"]))
    assert error.helps[0] in ("the nearest that it knows is Qwen3MoeForCausalLM",)


@pytest.mark.parametrize("method", ["gptq", "awq"])
def test_weights_for_gpus_are_refused_on_a_cpu(method: str, files: ModelFiles, tmp_path: Path) -> None:
    folder = configured(files, tmp_path / "m", quantization_config={"quant_method": method, "bits": 4})
    error = refused(folder)
    assert error.message == f"m is quantised with {method.upper()}, which the engine runs on GPUs only"
    assert "GGUF" in error.helps[0]
