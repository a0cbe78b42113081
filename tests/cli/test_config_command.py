"""`spnl config`, and the configuration as a run sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from invoking import invoke


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration file that is in use, and empty."""
    file = tmp_path / "config.toml"
    file.write_text("")
    monkeypatch.setenv("SPNL_CONFIG", str(file))
    return file


def shown(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[object, str]]:
    """Each setting's value and where it comes from."""
    ran = invoke(monkeypatch, ["config", "--json"])
    assert (ran.code, ran.err) == (0, "")
    return {value["name"]: (value["value"], value["origin"]) for value in json.loads(ran.out)["values"]}


def test_every_value_has_its_origin(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch)["model"] == ("mistralrs/tiny", "default")
    config.write_text(
        'model = "a/b"\n[aliases]\nx = "c/d"\n[mistralrs]\nisq = "Q4K"\ndevice = "cpu"\n'
        '[servers.gpu]\nurl = "http://gpu"\nkey_env = "KEY"\n'
    )
    monkeypatch.setenv("MISTRALRS_ISQ", "Q8_0")
    monkeypatch.setenv("KEY", "sk-secret")
    values = shown(monkeypatch)
    assert values["model"] == ("a/b", "file")
    assert values["mistralrs.isq"] == ("Q8_0", "environment")
    assert values["mistralrs.device"] == ("cpu", "file")
    assert values["mistralrs.prefix_cache_n"] == (16, "default")
    assert values["aliases.x"] == ("c/d", "file")
    assert values["servers.gpu"] == ({"url": "http://gpu", "key_env": "KEY", "kind": "openai"}, "file")
    monkeypatch.setenv("SPNL_MODEL", "e/f")
    assert shown(monkeypatch)["model"] == ("e/f", "environment")


def test_people_see_a_table(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text('folders = ["/models"]\n[servers.gpu]\nurl = "http://gpu"\n')
    monkeypatch.setenv("MISTRALRS_PREFIX_CACHE_N", "3")
    lines = invoke(monkeypatch, ["config"]).out.decode().splitlines()
    assert lines[0] == f"file: {config}"
    rows = [line.split() for line in lines[2:]]
    assert rows[0] == ["SETTING", "VALUE", "FROM"]
    assert ["folders", "/models", "file"] in rows
    assert ["mistralrs.prefix_cache_n", "3", "environment", "(MISTRALRS_PREFIX_CACHE_N)"] in rows
    assert ["mistralrs.isq", "-", "default"] in rows
    assert ["servers.gpu", "url", "http://gpu,", "kind", "openai", "file"] in rows


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SPNL_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    ran = invoke(monkeypatch, ["config"])
    assert ran.out.decode().startswith(f"file: {tmp_path}/spnl/config.toml (not there)\n")


def test_a_run_uses_the_file(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its model where the program names none, below SPNL_MODEL, a clause and a flag; and its settings."""
    config.write_text('model = "from/file"\n')

    def model(*more: str, program: str = '(g "x")') -> str:
        ran = invoke(monkeypatch, ["run", "--output", "json", "-c", program, *more])
        assert ran.code == 0, ran.err
        return str(json.loads(ran.out)[0]["model"])

    assert model() == "from/file"
    assert model(program='(g (model "a/clause") "x")') == "a/clause"
    assert model("--model", "a/flag") == "a/flag"
    monkeypatch.setenv("SPNL_MODEL", "from/variable")
    assert model() == "from/variable"


def test_a_run_with_a_wrong_file_ends_at_once(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("modle = 'x'\n")
    ran = invoke(monkeypatch, ["run", "-c", '(print "x")'])
    assert (ran.code, ran.out) == (2, b"")
    assert ran.err.startswith("error[bad-config]: there is no setting `modle`\n")
    assert f"{config}:1:1" in ran.err
