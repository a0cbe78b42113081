"""Servers that the configuration names: `gpu/MODEL` is a model of `[servers.gpu]`."""

from __future__ import annotations

from pathlib import Path

import pytest
from invoking import invoke
from scripted_http import Exchange, serving

import spnl
from spnl.backends.pool import ModelPool
from spnl.config_file import _PREFIXES
from spnl.models.names import PREFIXES, ModelName, parse_model


def write_config(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("SPNL_CONFIG", str(path))


def ok(exchange: Exchange) -> None:
    exchange.reply(f"{exchange.asked.body['model']} here")


def test_a_name_is_a_prefix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GPU_KEY", "k")
    with serving(ok) as server:
        config = f'[servers.gpu]\nurl = "{server.url}"\nkey_env = "GPU_KEY"\n'
        write_config(monkeypatch, tmp_path, config)
        answer = spnl.run('(g (model "gpu/Qwen/Qwen3-8B") "hi")', models=ModelPool())
        assert answer.text == "Qwen/Qwen3-8B here"
        assert server.asked[0].headers["authorization"] == "Bearer k"


def test_the_command_takes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(ok) as server:
        write_config(monkeypatch, tmp_path, f'[servers.box]\nurl = "{server.url}"\nkind = "ollama"\n')
        invoked = invoke(monkeypatch, ["-m", "box/qwen3:0.6b", "-c", '(g "hi")'], script=None)
        assert (invoked.out, invoked.code) == (b"qwen3:0.6b here\n", 0)
        assert server.bodies[0]["max_tokens"] == 2048


def test_a_server_claims_its_prefix_and_a_path_does_not() -> None:
    assert parse_model("gpu/a/b", {"gpu"}) == ModelName("gpu", "a/b")
    assert parse_model("gpu/a", {"other"}) == ModelName("mistralrs", "gpu/a")
    assert parse_model("mistralrs/gpu/a", {"gpu"}) == ModelName("mistralrs", "gpu/a")
    assert parse_model("./gpu/a", {"gpu"}) == ModelName("mistralrs", "./gpu/a")
    assert parse_model("gpu", {"gpu"}) == ModelName("mistralrs", "gpu")


def test_what_has_a_meaning_already_is_no_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert set(_PREFIXES) == set(PREFIXES)
    write_config(monkeypatch, tmp_path, '[servers.openai]\nurl = "http://a/v1"\n')
    invoked = invoke(monkeypatch, ["-c", '"hi"'])
    assert invoked.code == 2
    assert "`openai` cannot be a server's name" in invoked.err


def test_check_knows_the_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "p.spnl"
    program.write_text('(g (model "gpu/two words") "hi")')
    write_config(monkeypatch, tmp_path, '[servers.gpu]\nurl = "http://a/v1"\n')
    assert "it holds a space" in invoke(monkeypatch, ["check", str(program)]).out.decode()


def test_the_key_that_is_not_set_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(lambda exchange: exchange.plain(401, "no")) as server:
        config = f'[servers.gpu]\nurl = "{server.url}"\nkey_env = "GPU_KEY"\n'
        write_config(monkeypatch, tmp_path, config)
        invoked = invoke(monkeypatch, ["-m", "gpu/m", "-c", '(g "hi")'], script=None)
    assert invoked.code == 4
    assert "help: set GPU_KEY to a key of this server" in invoked.err


def test_show_is_for_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_config(monkeypatch, tmp_path, '[servers.gpu]\nurl = "http://a/v1"\n')
    invoked = invoke(monkeypatch, ["show", "gpu/m"])
    assert invoked.code == 4
    assert "gpu/m is not a model of this machine" in invoked.err
