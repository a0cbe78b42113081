"""`spnl doctor`: what it says of a sound installation, and of each fault that can be made here."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from hub_stand_in import GOOD_TOKEN, HubStandIn, serving
from invoking import invoke, run_process
from models.caches import Cache

from spnl.models import greeting


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hubs may be asked. Hugging Face's library reads its variables once, when it is imported."""
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "hf" / "token"))


@pytest.fixture
def hub(online: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStandIn]:
    with serving() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        yield hub


def findings(monkeypatch: pytest.MonkeyPatch, *args: str, code: int = 0) -> dict[str, dict[str, Any]]:
    """What is found, by its name."""
    ran = invoke(monkeypatch, ["doctor", "--json", *args], script=None)
    assert (ran.code, ran.err) == (code, "")
    data = json.loads(ran.out)
    assert data["broken"] == (code == 1)
    return {finding["name"]: finding for finding in data["findings"]}


def test_a_sound_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(monkeypatch)
    assert list(found) == [
        "spnl", "engine", "configuration", "settings", "device", "models", "folders", "replies", "token",
        "disk", "memory", "hub",
    ]  # fmt: skip
    assert found["engine"]["facts"]["build"] in ("cpu", "cuda", "metal")
    assert found["device"]["facts"]["device"] == found["engine"]["facts"]["build"]
    assert found["hub"]["facts"] == {"asked": False}
    assert found["token"]["facts"] == {"present": False, "source": None}
    assert found["models"]["facts"]["path"] == "/no/models/hub"
    assert 0 < found["memory"]["facts"]["available"] <= found["memory"]["facts"]["total"]


def test_people_see_a_line_for_each_and_what_to_do_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRALRS_ISQ", "Q9")
    ran = invoke(monkeypatch, ["doctor"], script=None)
    lines = ran.out.decode().splitlines()
    assert (ran.code, ran.err) == (1, "")
    assert lines[0].startswith("ok      spnl           0.")
    broken = [line for line in lines if line.startswith("broken")]
    assert len(broken) == 1, "one fault is one finding"
    assert broken[0].startswith("broken  settings       the environment variable MISTRALRS_ISQ is 'Q9'")
    assert not any(line[8:].startswith("device") for line in lines)


def test_it_tries_the_bundled_model() -> None:
    """A process of its own: what the engine writes to file descriptor 1 must not reach stdout."""
    ran = run_process("doctor", "--try", "--json", env={"RUST_LOG": "info"})
    assert ran.code == 0, ran.err
    attempt = json.loads(ran.out)["findings"][-1]
    assert (attempt["name"], attempt["state"]) == ("try", "ok")
    assert attempt["facts"]["tokens"] == 100
    assert attempt["facts"]["tokens_a_second"] > 0 < attempt["facts"]["load_seconds"]


def test_an_attempt_that_fails_is_broken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from spnl.models import locating

    (tmp_path / "tiny.gguf").write_bytes(b"GGUF")
    monkeypatch.setattr(locating, "BUNDLED_FILE", tmp_path / "tiny.gguf")
    attempt = findings(monkeypatch, "--try", code=1)["try"]
    assert (attempt["state"], attempt["facts"]) == ("broken", {"error": "damaged-model"})


def test_a_wrong_configuration_is_one_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text("modle = 'x'\n")
    monkeypatch.setenv("SPNL_CONFIG", str(tmp_path / "c.toml"))
    found = findings(monkeypatch, "--try", code=1)
    assert [name for name, finding in found.items() if finding["state"] == "broken"] == ["configuration"]
    assert found["configuration"]["said"] == "there is no setting `modle`"
    assert found["configuration"]["advice"] == "did you mean `model`?"
    assert found["engine"]["state"] == "ok"
    assert not {"settings", "device", "folders", "try"} & set(found)


@pytest.mark.parametrize(
    ("text", "said", "advice"),
    [
        ('folders = ["/no/such"]', "names a folder that is not there: /no/such", "out of `folders`"),
        ('[servers.gpu]\nurl = "http://gpu"\nkey_env = "NO_KEY"', "`gpu` has no key", "set NO_KEY"),
    ],
)
def test_what_a_configuration_names_and_is_not_there(
    text: str, said: str, advice: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "c.toml").write_text(text)
    monkeypatch.setenv("SPNL_CONFIG", str(tmp_path / "c.toml"))
    found = findings(monkeypatch)["configuration"]
    assert found["state"] == "note"
    assert said in found["said"] and advice in found["advice"]


def test_a_device_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    from spnl.backends.mistralrs import native

    monkeypatch.setattr(native, "_accelerator", lambda: None)
    monkeypatch.setenv("MISTRALRS_DEVICE", "cuda")
    found = findings(monkeypatch, code=1)["device"]
    assert (found["state"], found["facts"]) == ("broken", {"error": "no-device"})
    monkeypatch.delenv("MISTRALRS_DEVICE")
    monkeypatch.setattr(native, "has_gpu", lambda: True)
    monkeypatch.setattr("platform.system", lambda: "Linux")
    found = findings(monkeypatch)["device"]
    assert found["state"] == "note" and "wheels for CUDA" in found["advice"]


def test_an_engine_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    from spnl.backends.mistralrs import native

    def fail(name: str) -> None:
        raise ImportError("no module named mistralrs")

    monkeypatch.setattr(native, "import_module", fail)
    found = findings(monkeypatch, "--try", code=1)
    assert found["engine"]["advice"] == "install it with `pip install mistralrs`"
    assert "try" not in found


def test_the_cache_and_what_was_interrupted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    cache = Cache(tmp_path)
    cache.add("org/m", {"m-Q8_0.gguf": b"GGUF"})
    assert findings(monkeypatch)["models"]["facts"]["repositories"] == 1
    (cache.repo("org/m") / "blobs" / "x.incomplete").write_bytes(b".")
    found = findings(monkeypatch)["models"]
    assert (found["state"], found["facts"]["interrupted"]) == ("note", ["org/m"])
    assert found["advice"] == "`spnl pull org/m` continues, `spnl rm org/m` removes it"


def test_a_cache_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda place, mode: False)
    found = findings(monkeypatch)["models"]
    assert found["state"] == "note" and "HF_HOME" in found["advice"]


@pytest.mark.parametrize("where", ["variable", "file"])
def test_a_token_is_told_and_never_shown(
    where: str, hub: HubStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = "HF_TOKEN" if where == "variable" else str(tmp_path / "hf" / "token")
    if where == "variable":
        monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    else:
        (tmp_path / "hf").mkdir()
        Path(source).write_text(GOOD_TOKEN)
    for args in (["--json"], []):
        ran = invoke(monkeypatch, ["doctor", *args], script=None)
        assert ran.code == 0, ran.out
        assert GOOD_TOKEN not in ran.out.decode() + ran.err
        assert source in ran.out.decode()
    assert hub.paths() == ["/api/whoami-v2"] * 2


def test_the_hub_answers(hub: HubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    found = findings(monkeypatch)["hub"]
    assert (found["state"], found["said"]) == ("ok", f"{hub.address} answers")
    assert hub.paths() == ["/api/models?limit=1"]


def test_the_hub_does_not_take_the_token(hub: HubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_old")
    found = findings(monkeypatch, code=1)["hub"]
    assert (found["state"], found["said"]) == ("broken", "the hub does not take your token")
    assert "hf auth login" in found["advice"]


def test_something_else_answers_for_the_hub(hub: HubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.cdn_address)
    found = findings(monkeypatch, code=1)["hub"]
    assert found["state"] == "broken" and "HTTP 403" in found["said"]


def test_a_hub_that_is_not_there_is_a_note(online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
    found = findings(monkeypatch)["hub"]
    assert (found["state"], found["facts"]["reached"]) == ("note", False)


def test_a_silent_hub_is_not_waited_for(online: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the connection and says nothing."""
    monkeypatch.setattr(greeting, "SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        found = findings(monkeypatch)["hub"]
    assert found["state"] == "note"
    assert "not answer" in found["said"]


def test_offline_asks_nobody(hub: HubStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings(monkeypatch, "--offline")["hub"]["facts"] == {"asked": False}
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert findings(monkeypatch)["hub"]["facts"] == {"asked": False}
    assert hub.asked == []


def test_little_room_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 10**9})
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage)
    memory = type("Memory", (), {"available": 10**9, "total": 2 * 10**9})
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    found = findings(monkeypatch)
    assert [found[name]["state"] for name in ("disk", "memory")] == ["note", "note"]
    assert found["disk"]["said"] == "1.0 GB free for models"
    assert "spnl rm" in found["disk"]["advice"]


def test_what_cannot_be_looked_at_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(psutil, "virtual_memory", fail)
    found = findings(monkeypatch, code=1)["memory"]
    assert (found["state"], found["said"]) == ("broken", "input/output error")
