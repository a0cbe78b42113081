"""Which server is asked, and with which key: the variables, the forms of their values, and their errors."""

from __future__ import annotations

import pytest
from scripted_http import serving

import spnl
from spnl.backends.pool import ModelPool
from spnl.backends.servers.address import Address, address_of_provider, address_of_server, read_key
from spnl.backends.servers.backend import ServerBackend, openai
from spnl.backends.table import get_backend
from spnl.errors import ModelError, UsageError
from spnl.settings import Settings

OLLAMA = {
    "": "http://127.0.0.1:11434/v1",
    "gpu.local": "http://gpu.local:11434/v1",
    "gpu.local:1234": "http://gpu.local:1234/v1",
    ":1234": "http://127.0.0.1:1234/v1",
    "0.0.0.0": "http://127.0.0.1:11434/v1",
    "0.0.0.0:1234": "http://127.0.0.1:1234/v1",
    "[::]:1234": "http://127.0.0.1:1234/v1",
    "::1": "http://[::1]:11434/v1",
    "[::1]": "http://[::1]:11434/v1",
    "[fe80::2]:80": "http://[fe80::2]:80/v1",
    "http://gpu.local": "http://gpu.local/v1",
    "https://gpu.local": "https://gpu.local/v1",
    "http://gpu.local:1234/": "http://gpu.local:1234/v1",
    "https://gpu.local/ollama": "https://gpu.local/ollama/v1",
    "http://gpu.local:1234/v1": "http://gpu.local:1234/v1",
    "http://gpu.local:1234/v1/": "http://gpu.local:1234/v1",
}


@pytest.mark.parametrize("variable", ["OLLAMA_HOST", "OLLAMA_API_BASE"])
@pytest.mark.parametrize("text", OLLAMA)
def test_ollama_is_found_where_its_own_commands_find_it(variable: str, text: str) -> None:
    assert address_of_provider("ollama", {variable: text}).url == OLLAMA[text]


def test_ollamas_base_goes_before_the_host_that_its_server_has_too() -> None:
    environ = {"OLLAMA_API_BASE": "a:1", "OLLAMA_HOST": "b:2"}
    assert address_of_provider("ollama", environ).url == "http://a:1/v1"


OTHERS: list[tuple[str, dict[str, str], str]] = [
    ("openai", {}, "https://api.openai.com/v1"),
    ("openai", {"OPENAI_API_BASE": "http://a:8000/v1/"}, "http://a:8000/v1"),
    ("openai", {"OPENAI_BASE_URL": "http://a/v1"}, "http://a/v1"),
    ("openai", {"OPENAI_BASE_URL": " http://a/v1/", "OPENAI_API_BASE": "http://a/v1 "}, "http://a/v1"),
    ("openai", {"OPENAI_API_BASE": ""}, "https://api.openai.com/v1"),
    ("gemini", {}, "https://generativelanguage.googleapis.com/v1beta/openai"),
    ("gemini", {"GEMINI_API_BASE": "http://a/openai"}, "http://a/openai"),
]


@pytest.mark.parametrize(("name", "environ", "url"), OTHERS)
def test_addresses_of_the_others(name: str, environ: dict[str, str], url: str) -> None:
    assert address_of_provider(name, environ).url == url


def test_each_server_has_its_own_key() -> None:
    environ = {"OPENAI_API_KEY": "o", "GEMINI_API_KEY": " g \n", "OLLAMA_API_KEY": ""}
    keys = {name: address_of_provider(name, environ).key for name in ("openai", "gemini", "ollama")}
    assert keys == {"openai": "o", "gemini": "g", "ollama": None}


def test_a_key_is_not_shown() -> None:
    assert "secret" not in repr(address_of_provider("openai", {"OPENAI_API_KEY": "secret"}))


@pytest.mark.parametrize(
    "text",
    [
        "localhost:8000",
        "file:///etc/passwd",
        "http://",
        "http://a:99999",
        "http://a:0",
        "http://a b/v1",
        "http://[::1",
        "x" * 500,
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(
        UsageError, match=r"OPENAI_API_BASE is .* which is not the address of a server"
    ) as caught:
        address_of_provider("openai", {"OPENAI_API_BASE": text})
    assert caught.value.id == "bad-variable"
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("text", ["host:port", "host:99999", "ftp://host", "http://[::1", "a b"])
def test_what_is_no_address_of_ollama_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="OLLAMA_HOST is"):
        address_of_provider("ollama", {"OLLAMA_HOST": text})


SECRET = "sk-secret"


@pytest.mark.parametrize(
    "text",
    [
        f"https://{SECRET}@a/v1",
        f"https://u:{SECRET}@a/v1",
        f"https://a/v1?key={SECRET}",
        f"http://a#{SECRET}",
    ],
)
@pytest.mark.parametrize("name", ["openai", "ollama"])
def test_a_key_in_an_address_is_refused_and_not_shown(name: str, text: str) -> None:
    variable = {"openai": "OPENAI_BASE_URL", "ollama": "OLLAMA_HOST"}[name]
    with pytest.raises(UsageError, match="a key has no place in a URL") as caught:
        address_of_provider(name, {variable: text})
    assert SECRET not in f"{caught.value!r} {caught.value.message} {caught.value.helps}"


@pytest.mark.parametrize("key", [f"{SECRET}\nHost: evil", f"{SECRET} two", f"{SECRET}é"])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_key("OPENAI_API_KEY", {"OPENAI_API_KEY": key})
    assert caught.value.id == "bad-variable"
    assert SECRET not in caught.value.message


def test_two_variables_that_contradict_each_other_are_an_error() -> None:
    environ = {"OPENAI_API_BASE": "http://a/v1", "OPENAI_BASE_URL": "http://b/v1"}
    with pytest.raises(UsageError, match="OPENAI_API_BASE and OPENAI_BASE_URL name different servers"):
        address_of_provider("openai", environ)


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("http://localhost:1/v1", True),
        ("http://127.0.0.2/v1", True),
        ("http://[::1]:1/v1", True),
        ("http://10.0.0.1/v1", False),
        ("http://localhost.example/v1", False),
    ],
)
def test_what_is_this_machine(url: str, is_here: bool) -> None:
    assert Address(url, "X").is_loopback == is_here


def test_a_server_of_the_configuration() -> None:
    address = address_of_server("http://gpu:8000/v1/", "GPU_KEY", "gpu", "openai", {"GPU_KEY": "k"})
    assert (address.url, address.key, address.key_variable) == ("http://gpu:8000/v1", "k", "GPU_KEY")
    assert address_of_server("gpu", None, "gpu", "ollama", {}).url == "http://gpu:11434/v1"
    with pytest.raises(UsageError, match=r"`url` of \[servers.gpu\] is 'gpu:8000'") as caught:
        address_of_server("gpu:8000", None, "gpu", "openai", {})
    assert caught.value.id == "bad-config"


@pytest.mark.parametrize("name", ["openai", "gemini"])
def test_a_key_that_is_surely_needed_is_asked_for_before_anything_runs(name: str) -> None:
    with pytest.raises(ModelError) as caught:
        ModelPool().get(f"{name}/some-model")
    assert caught.value.id == "no-key"
    assert f"{name.upper()}_API_KEY is not set" in caught.value.message


def test_a_key_that_goes_unencrypted_over_a_network_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    told: list[str] = []
    for base in ("https://a.example/v1", "http://localhost:8000/v1"):
        monkeypatch.setenv("OPENAI_API_BASE", base)
        openai(told.append, Settings()).load("m").close()
    assert told == []
    monkeypatch.setenv("OPENAI_API_BASE", "http://a.example/v1")
    openai(told.append, Settings()).load("m").close()
    assert told == ["the key in OPENAI_API_KEY goes unencrypted to http://a.example/v1"]


def test_an_engine_that_is_kept_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ModelPool()
    with (
        serving(lambda exchange: exchange.reply("one")) as one,
        serving(lambda exchange: exchange.reply("two")) as two,
    ):
        said = []
        for server, key in ((one, "a"), (one, "b"), (two, "b")):
            monkeypatch.setenv("OPENAI_API_BASE", server.url)
            monkeypatch.setenv("OPENAI_API_KEY", key)
            said.append(spnl.run('(g "hi")', model="openai/m", models=pool).text)
        keys = [asked.headers["authorization"] for asked in (*one.asked, *two.asked)]
    assert (said, keys) == (["one", "one", "two"], ["Bearer a", "Bearer b", "Bearer b"])
    pool.unload_all()


@pytest.mark.parametrize("name", ["openai", "ollama", "gemini"])
def test_the_table_has_the_servers(name: str) -> None:
    backend = get_backend(name, print, Settings())
    assert isinstance(backend, ServerBackend)
    assert (backend.key("a/b:c"), backend.describe("a/b:c", True)) == ("a/b:c", None)
