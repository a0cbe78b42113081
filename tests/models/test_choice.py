"""Which files are chosen, over listings in the styles of well-known publishers (`listings.json`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spnl.models.choice import Choice, Refusal, choose
from spnl.models.mlx import is_mlx_tensors, original_name
from spnl.models.quants import quant_in
from spnl.models.refusals import refuse

ROWS = json.loads((Path(__file__).parent / "listings.json").read_text(encoding="utf-8"))


def chosen(row: dict[str, Any], files: list[str]) -> Choice | Refusal:
    return choose(
        files, quant=row.get("ask"), file=row.get("file"), repo=row["repo"], config=row.get("config")
    )


@pytest.mark.parametrize("row", ROWS, ids=[f"{row['repo']}: {row['why']}" for row in ROWS])
def test_a_listing(row: dict[str, Any]) -> None:
    for files in (row["files"], row["files"][::-1]):
        found = chosen(row, files)
        if "refuse" in row:
            assert isinstance(found, Refusal), found
            assert found.kind == row["refuse"]
        else:
            assert isinstance(found, Choice), found
            assert list(found.files) == row["expect"]


@pytest.mark.parametrize("row", [row for row in ROWS if "refuse" in row], ids=lambda row: row["repo"])
def test_a_refusal_is_an_error_that_says_what_to_do(row: dict[str, Any]) -> None:
    found = chosen(row, row["files"])
    assert isinstance(found, Refusal)
    error = refuse(found, row["repo"], is_folder=False, names=row["files"])
    assert error.exit_code == 4
    assert row["repo"] in error.message
    assert error.helps or error.notes
    assert "\n" not in error.message


def test_two_models_are_both_named() -> None:
    found = choose(["alpha.Q4_K_M.gguf", "alpha.Q8_0.gguf", "beta.Q8_0.gguf"], repo="acme/two")
    assert found == Refusal("ambiguous", ("alpha.Q4_K_M.gguf", "beta.Q8_0.gguf"))
    error = refuse(found, "acme/two", is_folder=False)
    assert error.helps == ("name one of them: acme/two/alpha.Q4_K_M.gguf, acme/two/beta.Q8_0.gguf",)


def test_what_is_not_there_is_told_with_what_is_best_first() -> None:
    found = choose(["m-Q8_0.gguf", "m-Q4_K_M.gguf", "m-IQ2_S.gguf"], quant="Q5_K_M")
    assert found == Refusal("no-such-file", ("Q4_K_M", "Q8_0"), "Q5_K_M")


def test_an_mlx_model_is_refused_with_names_of_gguf_repositories() -> None:
    name = "lmstudio-community/Qwen3-Coder-30B-A3B-Instruct-MLX-4bit"
    error = refuse(Refusal("mlx"), name, is_folder=False)
    assert error.id == "unsupported-model"
    assert "`bartowski/Qwen3-Coder-30B-A3B-Instruct-GGUF`" in error.helps[0]


NAMES = {
    "Qwen2.5-Coder-7B-Instruct-IQ2_M": "IQ2_M",
    "llama-2-7b-chat.Q4_K_M": "Q4_K_M",
    "Qwen3-4B-UD-Q4_K_XL": "UD-Q4_K_XL",
    "Some-8B.i1-Q4_K_S": "Q4_K_S",
    "qwen1_5-7b-chat-q4_0": "Q4_0",
    "Phi-3-mini-4k-instruct-fp16": "F16",
    "x-MXFP4_MOE": "MXFP4_MOE",
    "m-Q4_0_4_8": "Q4_0_4_8",
    "m_q5km": "Q5_K_M",
    "m-f16-Q8_0": "Q8_0",
    "MiniCPM-o-2_6": "",
    "QwQ-32B": "",
    "gemma-2b": "",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_quantisation_in_a_name(name: str) -> None:
    assert str(quant_in(name)[0]) == NAMES[name]


def test_the_original_of_an_mlx_model() -> None:
    assert original_name("mlx-community/Meta-Llama-3.1-8B-Instruct-4bit") == "Meta-Llama-3.1-8B-Instruct"
    assert original_name("mlx-community/Qwen3-8B-4bit-DWQ") == "Qwen3-8B"


def test_tensors_of_mlx() -> None:
    layer = "model.layers.0.mlp.gate_proj"
    assert is_mlx_tensors([f"{layer}.weight", f"{layer}.scales", f"{layer}.biases"])
    assert not is_mlx_tensors([f"{layer}.weight", f"{layer}.scales", f"{layer}.bias"])


PIECES = st.sampled_from(
    ["model", "-Q4_K_M", ".q8_0", "-IQ2_M", "/", "-00001-of-00002", "-00002-of-00002", "-99999-of-99999",
     ".gguf", ".safetensors", "config.json", "mmproj", "-UD-", "tokenizer.json", ".", "é"]
)  # fmt: skip
FILES = st.lists(st.lists(PIECES, min_size=1, max_size=5).map("".join), max_size=8, unique=True)


@given(files=FILES, quant=st.none() | st.text(max_size=6), file=st.none() | PIECES)
def test_any_listing_gives_files_that_are_there_or_a_refusal_that_can_be_told(
    files: list[str], quant: str | None, file: str | None
) -> None:
    found = choose(files, quant=quant, file=file)
    if isinstance(found, Choice):
        assert set(found.files) <= set(files)
        assert set(found.weights) <= set(found.files)
        assert found.weights
    else:
        assert refuse(found, "org/repo", is_folder=False, names=files).message
