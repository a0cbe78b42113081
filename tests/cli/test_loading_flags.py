"""The flags that say how models are loaded: what reaches the models of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from invoking import invoke
from scripted import ScriptedEngine, ScriptedModels

from spnl.backends import pool
from spnl.settings import VARIABLES, Settings

GIVEN: dict[str, tuple[str, Any]] = {
    "--isq": ("q4_k_m", "Q4K"),
    "--dtype": ("bf16", "bf16"),
    "--chat-template": (__file__, __file__),
    "--tokenizer": (__file__, __file__),
    "--topology": (__file__, __file__),
    "--xlora": ("org/repo", "org/repo"),
    "--xlora-order": (__file__, __file__),
    "--paged-attn-block-size": ("16", 16),
    "--paged-attn-memory": ("0.85", 0.85),
    "--paged-attn-cache-type": ("f8e4m3", "f8e4m3"),
    "--prefix-cache-n": ("0", 0),
    "--max-seqs": ("10", 10),
    "--speculative-draft-model": ("org/repo", "org/repo"),
    "--speculative-gamma": ("6", 6),
    "--device": ("cpu", "cpu"),
}


def settings(monkeypatch: pytest.MonkeyPatch, *flags: str) -> Settings:
    """What a run with flags gives its models."""
    models = ScriptedModels(ScriptedEngine())
    monkeypatch.setattr(pool, "POOL", models)
    ran = invoke(monkeypatch, ["run", "-m", "m", "-c", '(g "x")', *flags], script=None)
    assert (ran.code, ran.out) == (0, b"x\n"), ran.err
    assert models.settings is not None
    return models.settings


@pytest.mark.parametrize("flag", GIVEN)
def test_a_flag_sets_its_field_and_no_other(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, value = GIVEN[flag]
    (field,) = [variable.field for variable in VARIABLES if variable.flag == flag]
    assert settings(monkeypatch, flag, text) == Settings(**{field: value})


def test_every_setting_of_a_load_has_a_flag() -> None:
    flags = {variable.flag for variable in VARIABLES if variable.has_flag}
    assert flags == {*GIVEN, "--paged-attn"}


def test_paged_attention_is_a_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, "--paged-attn") == Settings(paged_attention=True)
    monkeypatch.setenv("MISTRALRS_PAGED_ATTN", "true")
    assert settings(monkeypatch, "--no-paged-attn") == Settings(paged_attention=False)


def test_a_flag_stands_above_the_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[mistralrs]\nisq = "Q2K"\nmax_seqs = 2\nprefix_cache_n = 2\n')
    monkeypatch.setenv("SPNL_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setenv("MISTRALRS_ISQ", "Q3K")
    monkeypatch.setenv("MISTRALRS_MAX_SEQS", "3")
    assert settings(monkeypatch, "--isq", "none") == Settings(max_seqs=3, prefix_cache=2)


def test_a_value_that_makes_no_sense_names_the_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = invoke(monkeypatch, ["run", "--isq", "Q4KM", "-c", '(g "x")'])
    assert ran.code == 2
    assert "error[bad-option]: invalid value for '--isq': 'Q4KM' is not a type of quantisation" in ran.err
    assert "did you mean `Q4K`?" in ran.err
