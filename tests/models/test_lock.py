"""`spnl lock` and `--locked`: what is written down, and that nothing else is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fixtures_models import TINY, ModelFiles, adapter
from hub_stand_in import MAIN, sha256
from invoking import Ran, invoke
from models.caches import Cache
from models.machines import ANSWER, BODY, FILE, QUESTION, Machine

import spnl
from spnl.errors import ModelError, UsageError
from spnl.models.lock import Lock, LockedFile, LockedModel, key_of, lock_text, read_lock

NEWER = "b" * 40
TINY_FILES = [{"name": "tiny.gguf", "size": len(BODY), "sha256": sha256(BODY)}]
CONFIG = """
[aliases]
fast = "org/m"
here = "./m.gguf"
far = "openai/far"
"""


class Place:
    """A folder with programs, in which commands run in this process, and a cache of models."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.cache = Cache(folder / "hf")
        self._patch = monkeypatch
        monkeypatch.chdir(folder)
        monkeypatch.setenv("HF_HOME", str(self.cache.home))
        (folder / "config.toml").write_text(CONFIG)
        monkeypatch.setenv("SPNL_CONFIG", str(folder / "config.toml"))

    def run(self, *args: str) -> Ran:
        return invoke(self._patch, args, script=None)

    def lock(self, program: str, *args: str) -> Any:
        """The lock of a program."""
        (self.folder / "p.spnl").write_text(program)
        ran = self.run("lock", "p.spnl", "--offline", *args)
        assert (ran.code, ran.out) == (0, b""), ran.err
        return json.loads((self.folder / "p.spnl.lock").read_text())

    def locked(self, *args: str) -> Ran:
        return self.run("run", "--locked", "--offline", "p.spnl", *args)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(tmp_path, monkeypatch)


def test_a_model_of_a_hub_is_locked_with_its_commit(machine: Machine, tmp_path: Path) -> None:
    program = tmp_path / "p.spnl"
    program.write_text(QUESTION.replace("(temp", '(model "org/m") (temp'))
    ran = machine.run("lock", str(program))
    assert ran.code == 0, ran.err
    assert ran.err.splitlines()[-1] == f"spnl: {program}.lock holds 1 model"
    assert json.loads((tmp_path / "p.spnl.lock").read_text()) == {
        "version": 1,
        "models": {
            "org/m": {
                "repository": "org/m",
                "revision": MAIN,
                "files": [{"name": FILE, "size": len(BODY), "sha256": sha256(BODY)}],
            }
        },
        "servers": [],
    }


def test_the_branch_may_move_on_and_what_is_locked_is_used(machine: Machine, tmp_path: Path) -> None:
    """Here, without a connection, beside what is newer; and on a machine that has only what is newer."""
    program, lock = tmp_path / "p.spnl", tmp_path / "p.spnl.lock"
    program.write_text(QUESTION.replace("(temp", '(model "org/m") (temp'))
    machine.run("lock", "-q", str(program))
    newer = {FILE: BODY[:-4096] + bytes(4096)}
    machine.hub.repos["org/m"].commits[NEWER] = newer
    machine.hub.contents[sha256(newer[FILE])] = newer[FILE]
    machine.hub.repos["org/m"].names["main"] = NEWER
    assert machine.run("pull", "-q", "org/m").code == 0
    held = (machine.home / "hub" / "models--org--m" / "refs" / "main").read_text()
    assert held == NEWER
    ran = machine.run_without_network("run", "--locked", "--offline", str(program))
    assert (ran.out, ran.err, ran.code) == (ANSWER, "[]\n", 0)
    machine.environ["HF_HOME"] = str(tmp_path / "other")
    assert machine.run("pull", "-q", "org/m").code == 0
    missing = machine.run("run", "--locked", "--offline", str(program))
    assert missing.err.startswith("error[offline]"), missing.err
    fetched = machine.run("pull", "-q", "--lock", str(lock))
    where = tmp_path / "other" / "hub" / "models--org--m" / "snapshots" / MAIN / FILE
    assert (fetched.out.decode(), fetched.code) == (f"{where}\n", 0)
    assert machine.run("run", "--locked", "--offline", str(program)).out == ANSWER


def test_every_model_that_a_run_may_use_is_locked(place: Place, files: ModelFiles) -> None:
    """Also where a run may not come, and what the program computes before it asks a model."""
    for name in ("m", "not-taken", "computed", "uncalled"):
        place.cache.add(f"org/{name}", {FILE: TINY})
    (place.folder / "m.gguf").write_bytes(BODY)
    (place.folder / "shared.spnl").write_text('(define (f) (g "f" (model "org/uncalled")))')
    lock = place.lock(
        """
        (import "shared.spnl")
        (define name "org/com")
        (if (= (g "x") "y") (g "no" (model "mistralrs/org/not-taken")) "z")
        (g "a" (model (join (list name "puted") "")))
        (g "b" (model "fast"))
        (repeat 2 (g "c" (model "here")))
        (g "d" (model "far"))
        """
    )
    commit = "a" * 40
    of_hub = {"revision": commit, "files": [{**TINY_FILES[0], "name": FILE}]}
    assert lock["models"] == {
        "tiny": {"files": TINY_FILES},
        "fast": {"repository": "org/m", **of_hub},
        "here": {"files": [{**TINY_FILES[0], "name": "m.gguf"}]},
        "org/computed": {"repository": "org/computed", **of_hub},
        "org/not-taken": {"repository": "org/not-taken", **of_hub},
        "org/uncalled": {"repository": "org/uncalled", **of_hub},
    }
    assert lock["servers"] == ["far"]


def test_models_that_no_program_names(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.cache.add("org/m", {FILE: TINY})
    both = '(g "a") (g "b" (model "local/tiny"))'
    assert list(place.lock(both)["models"]) == ["tiny"]
    assert list(place.lock(both, "-m", "fast")["models"]) == ["fast"]
    assert list(place.lock(both, "--also", "org/m:Q8_0")["models"]) == ["org/m:Q8_0", "tiny"]
    monkeypatch.setenv("SPNL_MODEL", "org/m")
    assert list(place.lock(both)["models"]) == ["org/m", "tiny"]


def test_an_alias_means_what_it_meant_when_it_was_locked(place: Place) -> None:
    place.cache.add("org/m", {FILE: TINY})
    place.lock(QUESTION, "-m", "fast")
    (place.folder / "config.toml").write_text('[aliases]\nfast = "org/other"')
    assert place.locked("-m", "fast").out == ANSWER
    (place.folder / "config.toml").write_text("")
    assert place.locked("-m", "fast").out == ANSWER
    (place.folder / "config.toml").write_text('[aliases]\nfast = "openai/other"')
    assert place.locked("-m", "fast").err.startswith("error[lock-differs]: `fast` is not what the lock")


def test_a_model_in_safetensors_with_an_adapter(place: Place, files: ModelFiles) -> None:
    lora = adapter(place.folder / "lora", files.safetensors)
    place.cache.add(
        "org/s", {path.name: path for path in files.safetensors.iterdir()} | {"LICENSE.txt": b"l"}
    )
    place.cache.add("org/lora", {path.name: path for path in lora.iterdir()})
    name = "org/s#adapter=org/lora"
    locked = place.lock(QUESTION, "-m", name)["models"][name]
    names = [file["name"] for file in locked["files"]]
    assert names == sorted(path.name for path in files.safetensors.iterdir())
    assert [file["name"] for file in locked["adapter"]["files"]] == sorted(
        path.name for path in lora.iterdir()
    )
    assert locked["adapter"]["repository"] == "org/lora"
    short = place.locked("-m", name, "--max-tokens", "2")
    assert short.code == 0, short.err
    weights = place.cache.repo("org/lora") / "snapshots" / ("a" * 40) / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    differs = place.locked("-m", name, "--max-tokens", "2")
    assert "adapter_model.safetensors has another content" in differs.err


CHANGES = {
    "a file in which one byte differs": ("another content", lambda file: file.write_bytes(BODY[:-1] + b"!")),
    "a file that is longer": (
        f"{len(BODY) + 1} bytes, not {len(BODY)}",
        lambda file: file.write_bytes(BODY + b"!"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_anything_else_is_refused_before_it_is_loaded(change: str, place: Place) -> None:
    (place.folder / "m.gguf").write_bytes(BODY)
    place.lock(QUESTION.replace("(temp", '(model "./m.gguf") (temp'))
    assert place.locked().out == ANSWER
    what, make = CHANGES[change]
    make(place.folder / "m.gguf")
    ran = place.locked()
    assert (ran.out, ran.code) == (b"", 4)
    assert ran.err.startswith(
        "error[lock-differs]: `./m.gguf` is not what the lock p.spnl.lock says: m.gguf has"
    )
    assert what in ran.err


def test_a_file_that_joined_or_left_a_folder(place: Place, files: ModelFiles) -> None:
    folder = place.folder / "s"
    folder.mkdir()
    for path in files.safetensors.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    place.lock(QUESTION.replace("(temp", '(model "./s") (temp'))
    assert place.locked("--max-tokens", "2").code == 0
    (folder / "chat_template.jinja").write_text("{{ 1 }}")
    assert "chat_template.jinja is there too" in place.locked().err
    (folder / "chat_template.jinja").unlink()
    (folder / "tokenizer_config.json").unlink()
    assert "tokenizer_config.json is not there" in place.locked().err


def test_a_blob_of_the_cache_is_read_and_not_only_its_name(place: Place) -> None:
    snapshot = place.cache.add("org/m", {FILE: TINY})
    blob = place.cache.repo("org/m") / "blobs" / sha256(BODY)
    blob.write_bytes(BODY)
    (snapshot / FILE).unlink()
    (snapshot / FILE).symlink_to(blob)
    place.lock(QUESTION, "-m", "org/m")
    blob.write_bytes(BODY[:-1] + b"!")
    assert "has another content" in place.locked("-m", "org/m").err


def test_a_program_that_changed_is_refused_where_it_names_another_model(place: Place) -> None:
    lock = place.lock(QUESTION)
    (place.folder / "p.spnl").write_text(QUESTION.replace("France", "Italy"))
    assert place.locked().code == 0, "other words need no other lock"
    (place.folder / "p.spnl").write_text(QUESTION.replace("(temp", '(model "org/m") (temp'))
    ran = place.locked()
    assert ran.code == 4 and ran.err.startswith("error[not-locked]: the lock p.spnl.lock does not hold")
    assert "--> p.spnl:1:" in ran.err and "it holds `tiny`" in ran.err
    assert place.locked("-m", "openai/far").err.startswith("error[not-locked]")
    assert place.locked("-m", "mistralrs/tiny").code == 0
    assert json.loads((place.folder / "p.spnl.lock").read_text()) == lock, "a run changes no lock"


def test_commands_that_take_a_lock(place: Place) -> None:
    place.lock(QUESTION)
    question = "What is the capital of France?"
    asked = place.run("generate", "--lock", "p.spnl.lock", "--temperature", "0", question)
    assert asked.out == ANSWER, asked.err
    assert place.run("generate", "--lock", "p.spnl.lock", "-m", "org/m", question).err.startswith(
        "error[not-locked]"
    )
    assert place.run("--lock", "p.spnl.lock", "-c", QUESTION).out == ANSWER
    assert place.run("run", "--locked", "-c", QUESTION).err.startswith("error[bad-option]: --locked needs")
    assert place.run("pull", "--lock", "p.spnl.lock").out.decode() == f"{TINY}\n"
    assert place.run("pull", "--lock", "p.spnl.lock", "org/m").err.startswith("error[not-locked]")
    assert spnl.run(QUESTION, lock="p.spnl.lock").text + "\n" == ANSWER.decode()
    with pytest.raises(ModelError, match="does not hold"):
        spnl.run(QUESTION, lock="p.spnl.lock", model="org/m")


def test_a_lock_is_written_whole_or_not_at_all(place: Place) -> None:
    place.lock(QUESTION)
    before = (place.folder / "p.spnl.lock").read_bytes()
    for args, id in (
        (("-m", "org/none"), "offline"),
        (("--also", "a b"), "bad-model-name"),
        (("-o", "no/where"), "bad-output"),
    ):
        ran = place.run("lock", "-q", "p.spnl", "--offline", *args)
        assert ran.err.startswith(f"error[{id}]"), ran.err
    (place.folder / "p.spnl").write_text('(g "a" (model "tiny")) (unknown)')
    assert place.run("lock", "p.spnl").err.startswith("error[unknown-form]")
    assert (place.folder / "p.spnl.lock").read_bytes() == before
    assert {path.name for path in place.folder.iterdir()} == {"config.toml", "p.spnl", "p.spnl.lock"}


def test_queries_are_locked_too(place: Place) -> None:
    (place.folder / "q.json").write_text('{"g": {"model": "tiny", "input": {"user": "hello"}}}')
    assert place.run("lock", "q.json").code == 0
    assert list(read_lock("q.json.lock").models) == ["tiny"]


GOOD: dict[str, Any] = {
    "version": 1,
    "models": {
        "org/m": {
            "repository": "org/m",
            "revision": "a" * 40,
            "files": [{"name": "x.gguf", "size": 1, "sha256": "0" * 64}],
            "adapter": {"files": [{"name": "y", "size": 0, "sha256": "f" * 64}]},
        }
    },
    "servers": ["openai/x"],
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    lora = LockedModel((LockedFile("y", 0, "f" * 64),))
    model = LockedModel((LockedFile("x.gguf", 1, "0" * 64),), "org/m", "a" * 40, lora)
    path = str(tmp_path / "lock")
    lock = Lock({"org/m": model}, ("openai/x",), path)
    Path(path).write_text(lock_text(lock))
    assert read_lock(path) == lock
    assert json.loads(lock_text(lock)) == GOOD


def test_the_keys_of_names() -> None:
    for name in ("org/m", "mistralrs/org/m", "local/org/m"):
        assert key_of(name) == "org/m"
    assert key_of("openai/org/m") == "openai/org/m"


def changed(*keys: Any, to: Any) -> bytes:
    """The good lock with the value at these keys changed."""
    data = json.loads(json.dumps(GOOD))
    inner = data
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    return json.dumps(data).encode()


FILE_PATH = ("models", "org/m", "files", 0)
DAMAGED = {
    "nothing": (b"", "it is no JSON"),
    "the half of one": (json.dumps(GOOD).encode()[:150], "it is no JSON"),
    "no text": (b"\xff\xfe\x00", "it is no JSON"),
    "deep": (b"[" * 200_000, "it is no JSON"),
    "large": (b" " * (4 * 1024 * 1024 + 1), "it is too large"),
    "a list": (b"[]", "it has not the fields"),
    "a later version": (changed("version", to=2), "it is of version 2, and this spnl knows version 1"),
    "a version before all": (changed("version", to=0), "it is of no known version"),
    "a version that is no number": (changed("version", to="1"), "it is of no known version"),
    "more than there should be": (changed("more", to=1), "it has not the fields"),
    "models that are none": (changed("models", to=[]), "its `models` or `servers` are damaged"),
    "servers that are none": (changed("servers", to=[1]), "its `models` or `servers` are damaged"),
    "a model without files": (changed("models", "org/m", "files", to=[]), "`org/m` has no files"),
    "a model that is none": (changed("models", "org/m", to=3), "`org/m` has not the fields"),
    "another repository": (changed("models", "org/m", "repository", to="../x"), "a damaged repository"),
    "a revision with a path": (changed("models", "org/m", "revision", to="a/b"), "a damaged repository or"),
    "a size that is none": (changed(*FILE_PATH, "size", to=True), "a damaged name or size"),
    "a digest cut off": (changed(*FILE_PATH, "sha256", to="0" * 63), "a damaged sha256"),
    "an adapter of an adapter": (
        changed("models", "org/m", "adapter", "adapter", to=GOOD["models"]["org/m"]["adapter"]),
        "the adapter of `org/m` has not the fields",
    ),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damaged_locks_are_refused(what: str, tmp_path: Path) -> None:
    content, reason = DAMAGED[what]
    (tmp_path / "l").write_bytes(content)
    with pytest.raises(UsageError) as refused:
        read_lock(tmp_path / "l")
    assert refused.value.id == "bad-lock"
    assert reason in refused.value.message


def test_locks_that_cannot_be_read(tmp_path: Path) -> None:
    for path, id in ((tmp_path / "none", "no-lock"), (tmp_path, "bad-lock")):
        with pytest.raises(UsageError) as refused:
            read_lock(path)
        assert refused.value.id == id
