"""`spnl rm`: what goes, what stays, and what is refused. Each test looks at the files of the cache."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from invoking import Ran, command, invoke
from models.caches import Cache
from terminals import Terminal

from spnl.models.cache_writing import RepoCache
from spnl.models.hub import HubFile, Listing
from spnl.models.progress import Progress

ONE, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """An empty cache, where spnl looks."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return Cache(tmp_path / "hf")


def rm(monkeypatch: pytest.MonkeyPatch, *args: str) -> Ran:
    return invoke(monkeypatch, ["rm", "--yes", *args])


def share(cache: Cache, name: str, file: str, commit: str, blob_of: str) -> None:
    """A name for a content in a second revision that has it too."""
    place = cache.repo(name) / "snapshots" / commit / file
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(os.path.relpath(blob_of, place.parent))


def kept(cache: Cache, name: str) -> list[str]:
    """The files and links of a repository that are there."""
    folder = cache.repo(name)
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def test_a_repository_goes_whole(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.add("org/m", {"m-Q8_0.gguf": b"GGUF" * 1000, "README.md": b"."})
    cache.add("org/m", {"m-Q8_0.gguf": b"GGUF" * 500}, commit=OTHER, refs=("v1",), copies=True)
    (cache.repo("org/m") / "blobs" / "x.incomplete").write_bytes(b"." * 999)
    cache.add("org/other", {"o-Q8_0.gguf": b"GGUF"})
    ran = rm(monkeypatch, "mistralrs/org/m")
    # 4000 + 1 + 2000 + 999, and the 80 bytes of two references.
    assert (ran.out, ran.err, ran.code) == (b"removed org/m: 7.1 kB freed\n", "", 0)
    assert not cache.repo("org/m").exists()
    assert cache.repo("org/other").exists()


def test_one_quantisation_goes_from_all_revisions(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {f"m-Q4_K_M-0000{part}-of-00002.gguf": b"GGUF" * 250 for part in (1, 2)}
    cache.add("org/m", {**parts, "m-Q8_0.gguf": b"GGUF", "README.md": b"."})
    cache.add("org/m", {"m-Q4_K_M.gguf": b"GGUF" * 250}, commit=OTHER, refs=("v1",))
    ran = rm(monkeypatch, "org/m:q4_k_m")
    assert (ran.out, ran.code) == (b"removed org/m:q4_k_m: 3.0 kB freed\n", 0)
    assert kept(cache, "org/m") == [
        "blobs/aaaaaaa-README.md",
        "blobs/aaaaaaa-m-Q8_0.gguf",
        "refs/main",
        f"snapshots/{ONE}/README.md",
        f"snapshots/{ONE}/m-Q8_0.gguf",
    ]


def test_what_another_revision_shares_stays(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.add("org/m", {"m-Q8_0.gguf": b"GGUF" * 1000, "config.json": b"{}"})
    blob = str(cache.repo("org/m") / "blobs" / "aaaaaaa-m-Q8_0.gguf")
    share(cache, "org/m", "m-Q8_0.gguf", OTHER, blob)
    ran = rm(monkeypatch, f"org/m@{ONE}")
    assert (ran.out, ran.code) == (f"removed org/m@{ONE}: 2 B freed\n".encode(), 0)
    assert kept(cache, "org/m") == ["blobs/aaaaaaa-m-Q8_0.gguf", f"snapshots/{OTHER}/m-Q8_0.gguf"]
    assert (cache.repo("org/m") / "snapshots" / OTHER / "m-Q8_0.gguf").read_bytes() == b"GGUF" * 1000


def test_two_removals_that_share_a_content_free_it(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.add("org/m", {"m-Q8_0.gguf": b"GGUF" * 1000})
    share(cache, "org/m", "m-Q8_0.gguf", OTHER, str(cache.repo("org/m") / "blobs" / "aaaaaaa-m-Q8_0.gguf"))
    ran = rm(monkeypatch, f"org/m@{ONE}", f"org/m@{OTHER}", "org/m")
    assert [line.rpartition(": ")[2] for line in ran.out.decode().splitlines()] == [
        "0 B freed", "4.0 kB freed", "0 B freed"
    ]  # fmt: skip
    assert not cache.repo("org/m").exists()


def test_a_link_that_leads_out_of_the_cache_is_removed_and_not_followed(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"GGUF" * 1000)
    cache.add("org/m", {"README.md": b"."})
    share(cache, "org/m", "m-Q8_0.gguf", ONE, str(tmp_path / "mine.gguf"))
    assert rm(monkeypatch, "org/m/m-Q8_0.gguf").out == b"removed org/m/m-Q8_0.gguf: 0 B freed\n"
    assert (tmp_path / "mine.gguf").exists()
    share(cache, "org/m", "m-Q8_0.gguf", ONE, str(tmp_path / "mine.gguf"))
    assert rm(monkeypatch, "org/m").code == 0
    assert (tmp_path / "mine.gguf").exists() and not cache.repo("org/m").exists()


def test_what_is_not_there_is_an_error_and_nothing_goes(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.add("org/model", {"m-Q8_0.gguf": b"GGUF", "m-Q4_0.gguf": b"GGUF"})
    before = kept(cache, "org/model")
    for name, said in (
        ("org/modle", "did you mean `org/model`?"),
        ("org/model:Q6_K", "of org/model there is Q4_0, Q8_0"),
        ("org/model/x.gguf", "of org/model there is Q4_0, Q8_0"),
        ("org/model@v9", "of org/model there is Q4_0, Q8_0"),
    ):
        ran = rm(monkeypatch, "org/model:Q8_0", name)
        assert (ran.code, ran.out) == (4, b"")
        assert ran.err.startswith("error[no-such-model]")
        assert said in ran.err
    assert kept(cache, "org/model") == before


def test_what_is_not_spnls_to_delete_is_refused(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    own = home / ".lmstudio" / "models" / "org" / "m" / "m-Q8_0.gguf"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"GGUF")
    for name, said in (
        ("tiny", "comes with spnl"),
        ("mistralrs/tiny", "comes with spnl"),
        (str(own), "is a path"),
        ("./x.gguf", "is a path"),
        ("org/m", "delete it yourself: it is in ~/.lmstudio/models/org/m"),
        ("org/m#adapter=x/y", "name one of them: `org/m`"),
    ):
        ran = rm(monkeypatch, name)
        assert (ran.code, ran.out) == (2, b"")
        assert ran.err.startswith("error[not-removable]") and said in ran.err, ran.err
    assert own.exists()
    ran = rm(monkeypatch, "openai/gpt-4o")
    assert (ran.code, ran.err.partition(":")[0]) == (4, "error[no-backend]")


def test_one_name_for_two_models_is_refused(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.add("org/two", {"a-Q8_0.gguf": b"GGUF", "sub/b-Q8_0.gguf": b"GGUF"})
    ran = rm(monkeypatch, "org/two:Q8_0")
    assert ran.code == 2
    assert "name one of them: org/two/a-Q8_0.gguf, org/two/sub/b-Q8_0.gguf" in ran.err
    assert rm(monkeypatch, "org/two/sub/b-Q8_0.gguf").code == 0
    assert "refs/main" in kept(cache, "org/two")
    assert not any("b-Q8_0" in name for name in kept(cache, "org/two"))


def test_an_interrupted_download_goes_too(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = cache.repo("org/m") / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "x.spnl.incomplete").write_bytes(b"." * 5000)
    assert rm(monkeypatch, "org/m").out == b"removed org/m: 5.0 kB freed\n"
    assert not cache.repo("org/m").exists()


def test_what_is_being_fetched_stays(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is the one that a fetch takes; here another thread's, which is refused as a process's is."""
    cache.add("org/m", {"m-Q8_0.gguf": b"GGUF"})
    file = HubFile("m-Q8_0.gguf", 4, "c" * 40)
    store = RepoCache(cache.folder, Listing("org/m", ONE, (file,)))
    locked, done = threading.Event(), threading.Event()

    def fetch() -> None:
        with store.locked(file, Progress()):
            locked.set()
            done.wait()

    thread = threading.Thread(target=fetch)
    thread.start()
    locked.wait()
    try:
        ran = rm(monkeypatch, "org/m")
    finally:
        done.set()
        thread.join()
    assert (ran.code, ran.err.partition(":")[0]) == (4, "error[being-fetched]")
    assert cache.repo("org/m").exists()
    assert rm(monkeypatch, "org/m").code == 0
    assert not cache.repo("org/m").exists()


def test_without_a_terminal_it_has_to_be_said(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.add("org/m", {"m-Q8_0.gguf": b"GGUF"})
    ran = invoke(monkeypatch, ["rm", "org/m"], stdin=b"y\n")
    assert (ran.code, ran.err.partition(":")[0]) == (2, "error[nobody-agreed]")
    assert cache.repo("org/m").exists()


@pytest.mark.parametrize(
    ("keys", "goes"), [(b"y\r", True), (b"\r", False), (b"n\r", False), (b"\x04", False)]
)
def test_on_a_terminal_it_asks(cache: Cache, keys: bytes, goes: bool) -> None:
    cache.add("org/m", {"m-Q8_0.gguf": b"GGUF" * 500})
    with Terminal(command("rm", "org/m")) as terminal:
        terminal.read_until(b"remove this? [y/N] ")
        assert b"org/m: 2.0 kB in " in terminal.shown
        terminal.press(keys)
        assert terminal.wait() == 0
        assert (b"removed org/m: 2.0 kB freed" if goes else b"nothing was removed") in terminal.shown
    assert cache.repo("org/m").exists() is not goes
