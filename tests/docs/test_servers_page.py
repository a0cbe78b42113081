"""`docs/servers.md` says what the code does: addresses, limits and words, configurations and commands."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
import yaml
from invoking import invoke
from scripted_http import Exchange, serving

from spnl.backends import pool
from spnl.backends.servers.address import PROVIDERS
from spnl.backends.servers.connection import Patience
from spnl.backends.servers.dialect import DIALECTS
from spnl.backends.servers.engine import TRIES
from spnl.config import read_config
from spnl.settings import VARIABLES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "servers.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


CONFIGS = blocks("toml")
COMMANDS = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
OURS = [line for line in COMMANDS if re.search(r"(^| )spnl ", line)]


@pytest.mark.parametrize("name", PROVIDERS)
def test_addresses_and_keys_are_those_of_the_page(name: str) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}/MODEL`"))
    provider = PROVIDERS[name]
    for part in (*provider.variables, provider.default, provider.key_variable):
        assert f"`{part}`" in row


def test_limits_are_those_of_the_page() -> None:
    patience = Patience()
    assert f"no connection within {patience.connect:g} seconds" in PAGE
    assert f"no token within {patience.first:g} seconds; then none for {patience.between:g}" in PAGE
    assert TRIES == 5 and "five times in all" in PAGE
    openai, gemini, ollama = (DIALECTS[kind].parallel for kind in ("openai", "gemini", "ollama"))
    assert f"At most {openai} are open at a time, {gemini} to Gemini, {ollama} to Ollama." in PAGE


def test_the_settings_of_the_page_exist_and_take_what_stands_there() -> None:
    known = {variable.name: variable for variable in VARIABLES}
    named = re.findall(r"`(MISTRALRS_\w+)=(\w[\w.]*)`", PAGE)
    assert len(named) >= 7
    for name, value in named:
        known[name].read(value)


def write_configuration(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> None:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("SPNL_CONFIG", str(path))


@pytest.mark.parametrize("text", CONFIGS)
def test_configurations_are_read(text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_configuration(monkeypatch, tmp_path, text)
    assert len(read_config(os.environ).servers) == 2


@pytest.mark.parametrize("line", OURS)
def test_commands_ask_the_server_that_the_page_means(
    line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every line that runs spnl, with a scripted server in the place of the addresses on the page."""
    with serving(lambda exchange: exchange.reply(exchange.asked.body["model"])) as server:
        url = f"http://127.0.0.1:{server.port}"
        write_configuration(monkeypatch, tmp_path, re.sub(r'"http://[^/"]+', f'"{url}', CONFIGS[0]))
        for variable in ("GEMINI_API_BASE", "OLLAMA_API_BASE"):
            monkeypatch.setenv(variable, f"{url}/v1")
        for variable in ("GEMINI_API_KEY", "GPU_KEY"):
            monkeypatch.setenv(variable, "k")
        words = shlex.split(line)
        while "=" in words[0]:
            name, _, value = words.pop(0).partition("=")
            assert any(name in provider.variables for provider in PROVIDERS.values())
            monkeypatch.setenv(name, re.sub(r"^http://[^/]+", url, value))
        assert words.pop(0) == "spnl"
        monkeypatch.chdir(ROOT / "examples")
        monkeypatch.setattr(pool, "POOL", pool.ModelPool())
        ran = invoke(monkeypatch, words, script=None)
        model = words[-1].partition("/")[2]
        assert (ran.out.decode(), ran.code) == (f"{model}\n", 0), ran.err
        assert server.asked[0].path == "/v1/chat/completions"


def test_there_are_commands_to_test() -> None:
    assert len(OURS) >= 8


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_is_yaml(text: str) -> None:
    (application,) = yaml.safe_load(text)["applications"]
    assert application["import_path"] == "ray.serve.llm:build_openai_app"


def test_words_of_the_table_are_those_that_are_sent() -> None:
    sent: list[dict[str, object]] = []

    def keep(exchange: Exchange) -> None:
        sent.append(exchange.asked.body)
        exchange.reply("ok")

    from backends.clients import client_of

    clauses = {"top_p": 0.5, "top_k": 1, "min_p": 0.1, "stop": ("x",), "think": True}
    clauses |= {"frequency_penalty": 1, "presence_penalty": 1, "repetition_penalty": 1.5}
    with serving(keep) as server:
        client = client_of(server)
        client.ask(**clauses)
        client.engine.close()
    for word in set(sent[0]) - {"messages", "model", "stream", "stream_options"}:
        assert f"`{word}`" in PAGE
