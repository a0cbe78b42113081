"""The configuration file: what it holds, where it is looked for, and that nothing else passes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spnl.config import MAX_BYTES, Config, Server, config_path, read_config
from spnl.config_file import _KEYS
from spnl.diagnostics import render
from spnl.errors import UsageError
from spnl.settings import VARIABLES, Settings, read_settings

WHOLE = """\
model = "Qwen/Qwen3-1.7B-GGUF"
parallel = 4
folders = ["/models", "beside", "~/Models"]

[aliases]
fast = "Qwen/Qwen3-0.6B-GGUF:Q8_0"
"qwen:small" = "fast"

[mistralrs]
isq = "q4_k_m"
paged_attn = false
paged_attn_block_size = 16
prefix_cache_n = 0
device = "CPU"

[servers.gpu]
url = "http://gpu.local:8000/v1/"
key_env = "GPU_KEY"

[servers]
near.url = "https://near/v1"
near.kind = "ollama"
"""


def written(tmp_path: Path, text: str | bytes) -> dict[str, str]:
    """An environment whose configuration holds a text."""
    file = tmp_path / "config.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return {"SPNL_CONFIG": str(file), "HOME": str(tmp_path)}


def refused(tmp_path: Path, text: str | bytes) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_config(written(tmp_path, text))
    assert (caught.value.id, caught.value.exit_code) == ("bad-config", 2)
    return caught.value


def test_everything_that_a_file_may_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    config = read_config(
        written(tmp_path, WHOLE.replace("[servers]\nnear.", "[servers.near]\n").replace("\nnear.", "\n"))
    )
    assert config.path == str(tmp_path / "config.toml")
    assert (config.model, config.parallel) == ("Qwen/Qwen3-1.7B-GGUF", 4)
    assert config.folders == ("/models", str(tmp_path / "beside"), str(tmp_path / "Models"))
    assert config.aliases == {"fast": "Qwen/Qwen3-0.6B-GGUF:Q8_0", "qwen:small": "fast"}
    assert config.mistralrs == {
        "isq": "Q4K", "paged_attention": False, "block_size": 16, "prefix_cache": 0, "device": "cpu"
    }  # fmt: skip
    assert config.servers == {
        "gpu": Server("http://gpu.local:8000/v1", "GPU_KEY"),
        "near": Server("https://near/v1", None, "ollama"),
    }


def test_every_key_is_a_field() -> None:
    assert ["path", *_KEYS] == list(Config().as_dict())


def test_no_file_is_an_empty_configuration(tmp_path: Path) -> None:
    assert read_config({"XDG_CONFIG_HOME": str(tmp_path / "none"), "HOME": str(tmp_path)}) == Config()
    assert read_config(written(tmp_path, "")).but(path=None) == Config()


def test_a_file_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"SPNL_CONFIG names .*none\.toml, which is not there"):
        read_config({"SPNL_CONFIG": str(tmp_path / "none.toml")})
    with pytest.raises(UsageError, match="cannot be read: is a directory"):
        read_config({"SPNL_CONFIG": str(tmp_path)})


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="platformdirs itself is asked there")
@pytest.mark.parametrize("home", [None, "", "  ", "/elsewhere"])
def test_the_place_is_the_one_platformdirs_names(home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    from platformdirs import user_config_dir

    monkeypatch.delenv("SPNL_CONFIG")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("XDG_CONFIG_HOME", home)
    assert config_path(os.environ) == os.path.join(user_config_dir("spnl", appauthor=False), "config.toml")


def test_the_environment_stands_above_the_file(tmp_path: Path) -> None:
    configured = read_config(written(tmp_path, '[mistralrs]\nisq = "Q4K"\nprefix_cache_n = 3\n')).mistralrs
    assert read_settings({}, configured) == Settings(isq="Q4K", prefix_cache=3)
    assert read_settings({"MISTRALRS_ISQ": "none"}, configured) == Settings(prefix_cache=3)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_every_variable_has_a_key(variable: object, tmp_path: Path) -> None:
    key = getattr(variable, "name").removeprefix("MISTRALRS_").lower()  # noqa: B009
    error = refused(tmp_path, f"[mistralrs]\n{key} = []\n")
    assert error.message.startswith(f"`mistralrs.{key}` is a list, which is not ")


WRONG = {
    'modle = "x"': ("modle", "there is no setting `modle`", "did you mean `model`?"),
    "model = 3": ("model", "`model` is 3, which is not a text", None),
    'model = " "': ("model", "`model` is ' ', which is not a text", None),
    "parallel = 0": ("parallel", "`parallel` is 0, which is not a whole number from 1 to 1024", None),
    "parallel = true": ("parallel", "`parallel` is true, which is not a whole number from 1 to 1024", None),
    'folders = "~/Models"': ("folders", "`folders` is '~/Models', which is not a list of texts", None),
    'aliases = "x"': ("aliases", "`aliases` is 'x', which is not a table", None),
    "[aliases]\nfast = 1": ("fast", "`aliases.fast` is 1, which is not a text", None),
    '[aliases]\n"a b" = "x"': ('"a b"', "`a b` cannot be a name: names have letters", None),
    'aliases = { "fast" = 1 }': ("aliases", "`aliases.fast` is 1, which is not a text", None),
    '[mistralrs]\nisq = "Q4KM"': ("isq", "is 'Q4KM', which is not a type", "did you mean `Q4K`?"),
    "[mistralrs]\npaged_atn = true": ("paged_atn", "`mistralrs.paged_atn`", "did you mean `paged_attn`?"),
    "mistralrs.isq = 9": ("mistralrs.isq", "`mistralrs.isq` is 9, which is not a type", None),
    "[mistralrs]\nprefix_cache_n = 1.5": ("prefix_cache_n", "is 1.5, which is not a whole number", None),
    "[servers]\ngpu = 1": ("gpu", "`servers.gpu` is 1, which is not a table", None),
    "[servers.gpu]\nkind = 'openai'": ("servers.gpu", "the server `gpu` has no `url`", None),
    "[servers.gpu]\nurl = 'gpu:80'": ("url", "is 'gpu:80', which is not an address that begins with", None),
    "[servers.gpu]\nurl = 'http://x'\nkind = 'olama'": ("kind", "is 'olama'", "did you mean `ollama`?"),
    "[servers.gpu]\nurl = 'http://x'\nkey = 'k'": ("key", "`servers.gpu.key`", "did you mean `key_env`?"),
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_what_makes_no_sense_is_an_error_at_its_place(text: str, tmp_path: Path) -> None:
    place, message, help = WRONG[text]
    error = refused(tmp_path, f"# a comment\n\n{text}\n")
    assert message in error.message
    assert error.span is not None
    assert (error.span.text, error.span.source.name) == (place, str(tmp_path / "config.toml"))
    assert help is None or help in error.helps


def test_a_value_of_a_secret_is_not_shown(tmp_path: Path) -> None:
    """Somebody will write the key itself; the error points at it and does not repeat it elsewhere."""
    error = refused(tmp_path, "[servers.gpu]\nurl = 'http://x'\nkey = 'sk-secret'\n")
    assert "sk-secret" not in "".join((error.message, *error.helps, *error.notes))


def test_what_is_no_toml_has_its_line(tmp_path: Path) -> None:
    error = refused(tmp_path, 'model = "a"\nparallel 4\n')
    assert "expected '=' after a key" in error.message
    assert "config.toml:2:" in render(error, color=False)
    assert "config.toml:1:" in render(refused(tmp_path, 'model = "a'), color=False)
    assert "config.toml:2:" in render(refused(tmp_path, "model = 'a'\n["), color=False)


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\x00", b"a = " + b"[" * 100_000, b"\x00", b"model = '\xff'\n[", b"="]
)
def test_any_bytes_are_read_or_refused(data: bytes, tmp_path: Path) -> None:
    assert render(refused(tmp_path, data), color=False).startswith("error[bad-config]: ")


def test_a_file_has_a_largest_size(tmp_path: Path) -> None:
    read_config(written(tmp_path, "#" * MAX_BYTES))
    assert "larger than" in refused(tmp_path, "#" * (MAX_BYTES + 1)).message


def test_nothing_that_reads_toml_is_imported_without_a_file() -> None:
    code = "import sys, spnl.config; spnl.config.read_config({'HOME': '/none'}); print(sorted(sys.modules))"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'spnl.config'" in seen
    assert not any(
        f"'{name}'" in seen for name in ("tomllib", "platformdirs", "spnl.config_file", "spnl.source")
    )
