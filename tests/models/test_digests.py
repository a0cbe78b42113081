"""What identifies a model's files: found without reading them again, and another when they change."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from spnl.backends import table
from spnl.backends.pool import POOL
from spnl.models import digests
from spnl.models.digests import digest_of_file, digest_of_model
from spnl.models.local import LocalModel
from spnl.settings import Settings


def ignore(note: str) -> None: ...


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of one's own, not of Hugging Face's cache."""
    path = tmp_path / "model.gguf"
    path.write_bytes(b"weights")
    return path


def forbid_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise AssertionError("the file is read")

    monkeypatch.setattr(hashlib, "file_digest", read)


@pytest.mark.parametrize("digits", [40, 64])
def test_a_file_of_the_cache_is_called_what_it_is(
    tmp_path: Path, digits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = tmp_path / "models--org--name" / "blobs" / ("0a" * (digits // 2))
    blob.parent.mkdir(parents=True)
    blob.touch()
    link = tmp_path / "models--org--name" / "snapshots" / "main" / "m.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    forbid_reading(monkeypatch)
    assert digest_of_file(link, ignore) == blob.name


def test_any_other_file_is_read_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = digest_of_file(file, ignore)
    assert digest == hashlib.sha256(b"weights").hexdigest()
    forbid_reading(monkeypatch)
    assert digest_of_file(file, ignore) == digest


def test_a_blobs_folder_of_ones_own_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "blobs" / ("0a" * 32)
    path.parent.mkdir()
    path.write_bytes(b"weights")
    assert digest_of_file(path, ignore) == hashlib.sha256(b"weights").hexdigest()


def test_a_file_that_changed_is_read_again(file: Path) -> None:
    """In place and of the same size, or another in its place with the same time of change."""
    digest = digest_of_file(file, ignore)
    before = file.stat()
    file.write_bytes(b"weighty")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert digest_of_file(file, ignore) == hashlib.sha256(b"weighty").hexdigest() != digest
    another = file.with_name("another")
    another.write_bytes(b"weights")
    os.utime(another, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    another.replace(file)
    assert digest_of_file(file, ignore) == digest


@pytest.mark.parametrize("data", [b"", b"[]", b'{"state": 1}', b"\xff", b'{"state": null, "sha256": "x"}'])
def test_what_was_remembered_badly_is_worked_out_again(file: Path, data: bytes) -> None:
    digest = digest_of_file(file, ignore)
    digests._place(file.resolve()).write_bytes(data)
    assert digest_of_file(file, ignore) == digest


def test_where_nothing_can_be_remembered_the_file_is_read(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(file))
    assert digest_of_file(file, ignore) == hashlib.sha256(b"weights").hexdigest()


def test_reading_that_takes_long_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    digest_of_file(file, notes.append)
    monkeypatch.setattr(digests, "_LONG_READ", 7)
    digest_of_file(file, notes.append)
    assert notes == []
    file.write_bytes(b"other weights")
    digest_of_file(file, notes.append)
    assert notes == ["reading model.gguf (13 B) once, to know it again"]


def test_a_folder_is_all_that_its_replies_depend_on(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"weights")
    config = tmp_path / "tokenizer_config.json"
    config.write_text("{}")
    model = LocalModel("folder", tmp_path, (weights,), "demo", 7)
    found = [digest_of_model(model, ignore)]
    config.write_text('{"chat_template": "x"}')
    found.append(digest_of_model(model, ignore))
    (tmp_path / "chat_template.jinja").write_text("y")
    found.append(digest_of_model(model, ignore))
    weights.write_bytes(b"heavier weights")
    found.append(digest_of_model(model, ignore))
    (tmp_path / "README.md").write_text("says nothing")
    found.append(digest_of_model(model, ignore))
    assert len(set(found)) == 4 and found[3] == found[4]


def test_models_are_known_without_loading_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """By any of their names; how weights are quantised while they load is part of what a folder is."""
    from spnl.models.local import BUNDLED_FILE

    tiny = POOL.identity("mistralrs/tiny")
    assert (
        tiny
        == POOL.identity(f"mistralrs/{BUNDLED_FILE}")
        == hashlib.sha256(BUNDLED_FILE.read_bytes()).hexdigest()
    )
    monkeypatch.setenv("MISTRALRS_ISQ", "Q4K")
    assert POOL.identity("mistralrs/tiny") == tiny


@pytest.mark.parametrize("backend", table._BACKENDS)
def test_every_backend_tells_its_models_apart(backend: str) -> None:
    assert callable(table.get_backend(backend, ignore, Settings()).identity)


def test_a_model_of_a_server_is_its_address_and_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [POOL.identity("ollama/a"), POOL.identity("ollama/b")]
    monkeypatch.setenv("OLLAMA_API_BASE", "http://127.0.0.1:1/v1")
    found.append(POOL.identity("ollama/a"))
    assert len(set(found)) == 3


def test_what_changes_what_a_model_says_is_part_of_what_it_is(tmp_path: Path) -> None:
    template = tmp_path / "mine.jinja"
    template.write_text("one")
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (tmp_path / name).write_text("{}")
    given = Settings(chat_template=str(template))
    found = [POOL.identity("tiny"), POOL.identity("tiny", settings=given)]
    template.write_text("another")
    found.append(POOL.identity("tiny", settings=given))
    found.append(POOL.identity("tiny", settings=Settings(topology=str(template))))
    found.append(POOL.identity("tiny", settings=Settings(dtype="f32")))
    found.append(POOL.identity(f"tiny#adapter={tmp_path}"))
    (tmp_path / "adapter_model.safetensors").write_text("{ }")
    found.append(POOL.identity(f"tiny#adapter={tmp_path}"))
    assert len(set(found)) == 7
    assert POOL.identity("tiny", settings=Settings(max_seqs=3, prefix_cache=0, isq="Q4K")) == found[0]
