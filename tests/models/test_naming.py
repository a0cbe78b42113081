"""Aliases and short names: what they stand for, wherever a model is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from invoking import invoke

from spnl.config import Config
from spnl.errors import ModelError
from spnl.models.names import ModelName, parse_hub
from spnl.models.naming import long_name, resolve_model, short_names


@pytest.mark.parametrize("short", short_names())
def test_every_short_name_is_a_family_and_a_size_and_stands_for_a_repository(short: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9.-]*:[0-9.]+[bm](-a[0-9.]+b)?", short)
    hub = parse_hub(short_names()[short])
    assert hub is not None
    assert str(hub) == hub.repo and "/" in hub.repo and hub.repo.upper().endswith("-GGUF")


def test_the_table_goes_from_small_to_large() -> None:
    sizes = {
        float(size) * (0.001 if unit == "m" else 1)
        for short in short_names()
        for size, unit in re.findall(r":([0-9.]+)([bm])", short)
    }
    assert min(sizes) < 0.3 and max(sizes) > 100
    assert len(set(short_names().values())) == len(short_names())


ALIASES = {
    "fast": "qwen3:0.6b",
    "mine": "fast",
    "gpu": "openai/x",
    "legal": "a/b#adapter=./l",
    "f:8b": "./f.gguf",
}
LONG = {
    "qwen3:0.6b": "Qwen/Qwen3-0.6B-GGUF",
    "QWEN3:0.6B": "Qwen/Qwen3-0.6B-GGUF",
    "mistralrs/qwen3:0.6b": "Qwen/Qwen3-0.6B-GGUF",
    "local/qwen3:0.6b:Q8_0": "Qwen/Qwen3-0.6B-GGUF:Q8_0",
    "qwen3:0.6b#adapter=./x": "Qwen/Qwen3-0.6B-GGUF#adapter=./x",
    "fast": "Qwen/Qwen3-0.6B-GGUF",
    "mine": "Qwen/Qwen3-0.6B-GGUF",
    "gpu": "openai/x",
    "legal": "a/b#adapter=./l",
    "legal#adapter=./other": "a/b#adapter=./other",
    "f:8b": "./f.gguf",
    "ollama/qwen3:0.6b": "ollama/qwen3:0.6b",
    "qwen3": "qwen3",
    "org/qwen3:0.6b": "org/qwen3:0.6b",
    "./qwen3:0.6b": "./qwen3:0.6b",
    "tiny": "tiny",
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_what_a_name_stands_for(name: str) -> None:
    assert long_name(name, ALIASES) == LONG[name]


def test_a_name_is_resolved_to_its_backend() -> None:
    assert resolve_model("gpu", Config(aliases=ALIASES)) == ModelName("openai", "x")


def test_aliases_that_go_in_a_circle() -> None:
    with pytest.raises(ModelError, match="the alias `a` stands for itself: a is b is a"):
        long_name("a", {"a": "b", "b": "a"})


def test_a_run_takes_an_alias(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[aliases]\nsmall = "tiny"\n')
    monkeypatch.setenv("SPNL_CONFIG", str(tmp_path / "config.toml"))
    ran = invoke(
        monkeypatch,
        ["-m", "small", "-c", '(g "What is the capital of France?" (temperature 0))'],
        script=None,
    )
    assert (ran.code, ran.err) == (0, "")
    assert b"Paris" in ran.out


@pytest.mark.parametrize(
    ("name", "near"), [("qwen3:06b", "qwen3:0.6b"), ("smal", "small"), ("tinny", "tiny")]
)
def test_a_misspelt_name_is_guessed(
    name: str, near: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config.toml").write_text('[aliases]\nsmall = "tiny"\n')
    monkeypatch.setenv("SPNL_CONFIG", str(tmp_path / "config.toml"))
    ran = invoke(monkeypatch, ["show", name])
    assert ran.code == 4
    assert f"did you mean `{near}`?" in ran.err
