"""Models' names: what they may be, and to which backend they belong."""

from __future__ import annotations

import pytest

from spnl.errors import ModelError
from spnl.models.names import HubName, ModelName, parse_hub, parse_model

NAMES = {
    "tiny": ("mistralrs", "tiny"),
    "mistralrs/tiny": ("mistralrs", "tiny"),
    "local/tiny": ("mistralrs", "tiny"),
    "Qwen/Qwen3-1.7B-GGUF": ("mistralrs", "Qwen/Qwen3-1.7B-GGUF"),
    "mistralrs/Qwen/Qwen3-1.7B-GGUF": ("mistralrs", "Qwen/Qwen3-1.7B-GGUF"),
    "mistralrs/Qwen/Qwen3-1.7B-GGUF:Q8_0": ("mistralrs", "Qwen/Qwen3-1.7B-GGUF:Q8_0"),
    "qwen3:0.6b": ("mistralrs", "qwen3:0.6b"),
    "mistralrs//abs/x.gguf": ("mistralrs", "/abs/x.gguf"),
    "mistralrs/./x": ("mistralrs", "./x"),
    "mistralrs/../x": ("mistralrs", "../x"),
    "mistralrs/~/x": ("mistralrs", "~/x"),
    "mistralrs/x.gguf": ("mistralrs", "x.gguf"),
    "mistralrs/local/x.gguf": ("mistralrs", "local/x.gguf"),
    "/abs/folder": ("mistralrs", "/abs/folder"),
    "./x": ("mistralrs", "./x"),
    "..": ("mistralrs", ".."),
    "~/models": ("mistralrs", "~/models"),
    "sub/X.GGUF": ("mistralrs", "sub/X.GGUF"),
    "./my models/größe.gguf": ("mistralrs", "./my models/größe.gguf"),
    "openai/gpt-4o": ("openai", "gpt-4o"),
    "ollama/granite3.3:2b": ("ollama", "granite3.3:2b"),
    "gemini/x.gguf": ("gemini", "x.gguf"),
    "mistralrs/openai/gpt-oss-20b": ("mistralrs", "openai/gpt-oss-20b"),
}

BAD = {
    "": "is empty",
    "  ": "is empty",
    "mistralrs/": "names no model after `mistralrs/`",
    "openai/": "names no model after `openai/`",
    "my model": "`my model` cannot be a model's name",
    " tiny": "cannot be a model's name",
    "a/b/c": "`a/b/c` cannot be a model's name",
    "org//repo": "cannot be a model's name",
    "openai/gpt 4": "holds a space",
    "ti\nny": "holds a control character",
    "./x\x00.gguf": "holds a control character",
    "./x\ud800.gguf": "holds a control character",
    "https://huggingface.co/Qwen/Qwen3": "is an address",
    "org/repo:": "cannot be a model's name",
    "org/repo@": "cannot be a model's name",
    "org/repo@a@b": "cannot be a model's name",
    "org/..": "cannot be a model's name",
    "größe/modell": "cannot be a model's name",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_taken_apart(name: str) -> None:
    assert parse_model(name) == ModelName(*NAMES[name])


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_a_name_is_refused(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        parse_model(name)
    assert caught.value.id == "bad-model-name"
    assert caught.value.exit_code == 4
    assert BAD[name] in caught.value.message
    assert any("`mistralrs/Qwen/Qwen3-1.7B-GGUF`" in help for help in caught.value.helps)


def test_a_path_without_its_mark_is_told_how_to_write_one() -> None:
    with pytest.raises(ModelError) as caught:
        parse_model("models/of/mine")
    assert "begin a path with `/`, `./`, `../` or `~`" in caught.value.helps


HUB = {
    "org/repo": HubName("org/repo"),
    "org/repo:Q8_0": HubName("org/repo", None, "Q8_0"),
    "org/repo@v1.0": HubName("org/repo", "v1.0"),
    "org/repo@refs/pr/1:UD-Q4_K_XL": HubName("org/repo", "refs/pr/1", "UD-Q4_K_XL"),
    "org/repo:Q8_0@main": HubName("org/repo", "main", "Q8_0"),
    "org/repo/sub/x.gguf": HubName("org/repo", file="sub/x.gguf"),
    "org/repo@main/x.GGUF": HubName("org/repo", "main", file="x.GGUF"),
    "org/repo:sub/x.gguf": HubName("org/repo", file="sub/x.gguf"),
    "gpt2": HubName("gpt2"),
}


@pytest.mark.parametrize("name", HUB)
def test_a_name_of_hugging_face(name: str) -> None:
    assert parse_hub(name) == HUB[name]
    assert parse_hub(str(HUB[name])) == HUB[name]


@pytest.mark.parametrize(
    "name", ["x.gguf", "org/x.gguf", "./a/b/x.gguf", "~/a/b", "/a/b", "a/b/../x.gguf", ".."]
)
def test_a_path_is_no_name_of_hugging_face(name: str) -> None:
    assert parse_hub(name) is None
