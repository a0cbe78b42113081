"""Fetching from a hub: which files, whole and right ones, through faults of the network and of the hub."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures_models import TINY, ModelFiles
from hub_stand_in import GOOD_TOKEN, KNOWN_TOKEN, MAIN, HubStandIn, serving, sha256

from spnl.errors import ModelError
from spnl.models import hub as hub_module
from spnl.models import patience, transfer
from spnl.models.fetching import fetch
from spnl.models.locating import locate
from spnl.models.names import parse_hub
from spnl.models.progress import Progress

BODY = TINY.read_bytes()
FILE = "m-Q8_0.gguf"


class Heard(Progress):
    """Everything that is told of a fetch."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int, int]] = []
        self.marks: list[int] = []
        self.notes: list[str] = []
        self.ends: list[bool] = []

    def begin(self, what: str, size: int, done: int) -> None:
        self.begun.append((what, size, done))

    def at(self, done: int) -> None:
        self.marks.append(done)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def end(self, completed: bool) -> None:
        self.ends.append(completed)


class Place:
    """A hub and an empty cache, and what fetching from the one into the other does."""

    def __init__(self, hub: HubStandIn, home: Path) -> None:
        self.hub = hub
        self.cache = home / "hub"
        self.environ = {"HF_ENDPOINT": hub.address, "HF_HOME": str(home)}
        self.heard = Heard()
        self.slept: list[float] = []

    def fetch(self, name: str, **options: Any) -> list[str]:
        """Fetch a model; the names of its files."""
        hub_name = parse_hub(name)
        assert hub_name is not None
        fetched = fetch(hub_name, self.environ, self.heard, **options)
        for file, path in zip(fetched.files, fetched.paths, strict=True):
            assert path.read_bytes() == self.hub.repos[hub_name.repo].commits[MAIN][file.name]
        return [file.name for file in fetched.files]

    def refusal(self, name: str) -> ModelError:
        with pytest.raises(ModelError) as caught:
            self.fetch(name)
        return caught.value

    def blobs(self, repo: str = "org/m") -> list[Path]:
        """The contents in the cache, also those that are not whole."""
        return sorted((self.cache / f"models--{repo.replace('/', '--')}" / "blobs").iterdir())

    def begin(self, content: bytes, digest: str = sha256(BODY)) -> None:
        """Leave the beginning of a content in the cache, as an interrupted fetch does."""
        blobs = self.cache / "models--org--m" / "blobs"
        blobs.mkdir(parents=True)
        (blobs / f"{digest}.spnl.incomplete").write_bytes(content)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A hub with one model, whose cache is where spnl looks; nothing sleeps."""
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    with serving() as hub:
        place = Place(hub, tmp_path / "hf")
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setattr(patience, "sleep", place.slept.append)
        hub.add("org/m", {FILE: TINY, "m-IQ2_M.gguf": b"GGUF", "mmproj-m.gguf": b"GGUF", "README.md": b"m"})
        yield place


def test_only_the_chosen_file_is_fetched_and_others_find_it(place: Place) -> None:
    from huggingface_hub import hf_hub_download, scan_cache_dir

    assert place.fetch("org/m") == [FILE]
    assert place.heard.begun == [(f"org/m: {FILE} (the only one there)", len(BODY), 0)]
    assert place.heard.marks == sorted(place.heard.marks) and place.heard.marks[-1] == len(BODY)
    assert place.heard.ends == [True]
    assert locate("org/m").path.read_bytes() == BODY
    theirs = hf_hub_download("org/m", FILE, cache_dir=place.cache, local_files_only=True)
    assert Path(theirs) == locate("org/m").path
    (repo,) = scan_cache_dir(place.cache).repos
    assert [(next(iter(r.refs)), r.commit_hash, r.nb_files) for r in repo.revisions] == [("main", MAIN, 1)]
    assert [blob.name for blob in place.blobs()] == [sha256(BODY)]


def test_of_a_folder_model_what_is_needed_is_fetched_and_the_weights_last(
    place: Place, files: ModelFiles
) -> None:
    parts = {file.name: file for file in files.safetensors.iterdir()}
    place.hub.add("org/m", {**parts, "README.md": b"m", "pytorch_model.bin": b"x", "onnx/model.onnx": b"x"})
    fetched = place.fetch("org/m")
    assert set(fetched) == set(parts)
    assert fetched[-1] == "model.safetensors"
    assert locate("org/m").kind == "folder"


def test_all_parts_of_a_split_model_in_a_folder_of_the_repository(place: Place, files: ModelFiles) -> None:
    names = [f"split-0000{index}-of-00003.gguf" for index in (1, 2, 3)]
    place.hub.add("org/m", {f"Q8_0/{name}": files.split.with_name(name) for name in names})
    assert place.fetch("org/m:Q8_0") == [f"Q8_0/{name}" for name in names]
    assert len(locate("org/m").files) == 3


def test_a_revision_and_a_listing_of_many_pages(place: Place) -> None:
    repo = place.hub.add("org/m", {**{f"{i}.txt": b"" for i in range(20)}, FILE: TINY})
    repo.names["v2"] = MAIN
    assert place.fetch("org/m@v2") == [FILE]
    assert locate("org/m@v2").files
    assert len([path for path in place.hub.paths() if "/tree/" in path]) == 7


def test_what_is_here_is_not_fetched_again_and_an_old_cache_gets_the_new_file_only(place: Place) -> None:
    place.fetch("org/m")
    asked = len(place.hub.ranges())
    place.fetch("org/m")
    assert len(place.hub.ranges()) == asked
    assert place.heard.ends == [True]
    repo = place.hub.repos["org/m"]
    repo.commits["b" * 40] = {**repo.commits[MAIN], "m-Q4_K_M.gguf": b"GGUF" + bytes(9000)}
    repo.names["main"] = "b" * 40
    place.hub.contents[sha256(b"GGUF" + bytes(9000))] = b"GGUF" + bytes(9000)
    hub_name = parse_hub("org/m:Q8_0")
    assert hub_name is not None
    fetch(hub_name, place.environ, place.heard)
    assert len(place.hub.ranges()) == asked, "the same content at another commit"


def test_a_cut_connection_is_continued_where_it_broke(place: Place) -> None:
    place.hub.cut_at = [100_000, 1_000_000, 3_000_000]
    place.fetch("org/m")
    ranges = place.hub.ranges()
    assert ranges[0] is None and len(ranges) == 4
    assert all(asked and asked.startswith("bytes=") and asked.endswith("-") for asked in ranges[1:])
    assert place.hub.served[sha256(BODY)] == len(BODY), "nothing twice"
    assert place.slept == [0.2, 0.2, 0.2], "each cut is a first one: something came in between"


def test_what_an_earlier_process_left_is_continued(place: Place) -> None:
    place.begin(BODY[:3_000_000])
    place.fetch("org/m")
    assert place.hub.ranges() == ["bytes=3000000-"]
    assert place.hub.served[sha256(BODY)] == len(BODY) - 3_000_000
    assert place.heard.begun[0][1:] == (len(BODY), 3_000_000)
    assert len(place.blobs()) == 1


@pytest.mark.parametrize("left", [b"x" * 1_000_000, b"x" * (len(BODY) + 1), b"x" * len(BODY)])
def test_a_beginning_that_is_none_is_thrown_away(left: bytes, place: Place) -> None:
    place.begin(left)
    place.fetch("org/m")
    assert len(place.blobs()) == 1


def test_a_whole_file_that_only_lacks_its_name_is_not_fetched(place: Place) -> None:
    place.begin(BODY)
    place.fetch("org/m")
    assert place.hub.ranges() == []


def test_a_server_that_ignores_ranges_sends_the_file_anew(place: Place) -> None:
    place.begin(BODY[:3_000_000])
    place.hub.ignores_ranges = True
    place.fetch("org/m")
    assert place.heard.marks[-1] == len(BODY)


def test_a_large_file_is_asked_for_in_stretches(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MOST_AT_ONCE", 1_500_000)
    place.fetch("org/m")
    assert place.hub.ranges() == ["bytes=0-1499999", "bytes=1500000-2999999", "bytes=3000000-"]


def test_content_that_is_not_what_the_hub_lists_never_enters_the_cache(place: Place) -> None:
    place.hub.contents[sha256(BODY)] = b"GGUF" + BODY[4:-1] + b"!"
    error = place.refusal("org/m")
    assert (error.id, error.exit_code) == ("damaged-model", 4)
    assert place.blobs() == []
    assert place.heard.ends == [False]
    with pytest.raises(ModelError):
        locate("org/m")


def test_small_files_are_checked_too(place: Place, files: ModelFiles) -> None:
    repo = place.hub.add("org/m", {file.name: file for file in files.safetensors.iterdir()})
    whole = repo.commits[MAIN]["config.json"]

    class Changing(dict[str, bytes]):
        """Files of which one is not what it was when it was listed."""

        def get(self, name: str, default: Any = None) -> Any:
            return whole[:-1] + b" " if name == "config.json" else super().get(name, default)

    repo.commits[MAIN] = Changing(repo.commits[MAIN])
    assert place.refusal("org/m").id == "damaged-model"


def test_a_busy_hub_is_asked_again_when_it_says(place: Place) -> None:
    place.hub.fail(429, "/revision/", Retry_After="7")
    place.hub.fail(503, "/tree/", times=2)
    place.hub.fail(500, "/resolve/")
    place.hub.fail(0, "", server="cdn", times=2)
    place.fetch("org/m")
    assert place.slept == [7.0, 0.2, 1.0, 0.2, 1.0, 2.0]
    assert place.heard.notes[0] == f"{place.hub.address[7:]}: HTTP 429; trying again in 7 s"


def test_a_hub_that_stays_busy_is_given_up(place: Place) -> None:
    place.hub.fail(503, times=20)
    error = place.refusal("org/m")
    assert (error.id, error.message[-8:]) == ("hub-unreachable", "HTTP 503")
    assert place.slept == list(patience.WAITS)
    place.hub.faults.clear()
    place.hub.fail(429, Retry_After="4000")
    assert place.refusal("org/m").notes == ("it asks to wait 4000 s",)


def test_where_there_is_no_hub_that_is_said_at_once(place: Place) -> None:
    place.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
    error = place.refusal("org/m")
    assert error.id == "hub-unreachable"
    assert error.message.startswith("127.0.0.1:9 cannot be asked for a model: it cannot be reached")
    assert place.slept == [0.2]


@pytest.mark.parametrize(
    ("name", "token", "id", "words"),
    [
        ("org/none", None, "no-such-model", "if it is private, log in with `hf auth login`"),
        ("org/none", KNOWN_TOKEN, "no-such-model", "see whether your account may see it"),
        ("org/private", None, "no-such-model", "if it is private, log in"),
        ("org/private", KNOWN_TOKEN, "no-such-model", "see whether your account may see it"),
        ("org/private", GOOD_TOKEN, "", ""),
        ("org/gated", None, "gated-model", "accept its conditions at {hub}/org/gated"),
        ("org/gated", KNOWN_TOKEN, "gated-model", "with the account of your token"),
        ("org/gated", GOOD_TOKEN, "", ""),
        ("org/m", "hf_nobody", "hub-refused", "log in with `hf auth login`"),
        ("org/m@v9", None, "no-such-model", "see its branches and tags at {hub}/org/m/tree/main"),
        ("org/m:Q5_K_M", None, "no-such-model", "what is there: Q8_0"),
        ("org/m/other.gguf", None, "no-such-model", "what is there: m-IQ2_M.gguf"),
        ("org/iq", None, "unsupported-model", "IQ types are not supported"),
        ("org/bin", None, "not-a-model", "a copy in safetensors"),
        ("org/mlx", None, "unsupported-model", "use a GGUF file of the same model"),
        ("mlx-community/m-4bit", None, "unsupported-model", "`bartowski/m-GGUF`"),
        ("org/notokens", None, "no-tokenizer", "a copy of the model with its tokenizer"),
    ],
)
def test_refusals_say_what_to_do_and_fetch_nothing(
    name: str, token: str | None, id: str, words: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {"model.safetensors": bytes(9000), "tokenizer.json": b"{}"}
    quantised = json.dumps({"quantization": {"group_size": 64, "bits": 4}}).encode()
    place.hub.add("org/private", {FILE: TINY}, private=True)
    place.hub.add("org/gated", {FILE: TINY}, gated=True)
    place.hub.add("org/iq", {"m-IQ2_M.gguf": TINY})
    place.hub.add("org/bin", {"config.json": b"{}", "pytorch_model.bin": TINY})
    place.hub.add("org/mlx", {"config.json": quantised, **weights})
    place.hub.add("mlx-community/m-4bit", {"config.json": quantised, **weights})
    place.hub.add("org/notokens", {"config.json": b"{}", "model.safetensors": TINY})
    if token is not None:
        monkeypatch.setenv("HF_TOKEN", token)
    if not id:
        assert place.fetch(name) == [FILE]
        return
    error = place.refusal(name)
    assert error.id == id
    assert words.format(hub=place.hub.address) in "\n".join((*error.helps, *error.notes))
    assert not place.hub.ranges() and not place.heard.begun
    left = [path for path in place.cache.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert left == [], "nothing was fetched"
    assert "hf_" not in f"{error}{error.notes}{error.helps}{error.detail}"


def test_the_token_goes_to_the_hub_and_nowhere_else(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    place.fetch("org/m")
    told = {(asked.server, asked.headers.get("authorization")) for asked in place.hub.asked}
    assert told == {("hub", f"Bearer {GOOD_TOKEN}"), ("cdn", None)}


def test_a_token_that_cannot_be_sent_is_not_shown(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret\x0bé")
    error = place.refusal("org/m")
    assert error.id == "hub-refused"
    assert "secret" not in f"{error}{error.notes}{error.helps}{error.detail}{error.__cause__}"


def test_a_repository_that_has_moved_is_found(place: Place) -> None:
    place.hub.moved["old/m"] = "org/m"
    place.hub.repos["old/m"] = place.hub.repos["org/m"]
    assert place.fetch("old/m") == [FILE]
    assert locate("old/m").files


def test_names_that_would_leave_the_cache_are_left_out(place: Place) -> None:
    evil = (
        "../../x-Q4_K_M.gguf",
        "/x-Q4_K_M.gguf",
        "a//x-Q4_K_M.gguf",
        "a/./x.gguf",
        "C:\\x.gguf",
        "x\n.gguf",
    )
    place.hub.add("org/m", {FILE: TINY, **dict.fromkeys(evil, BODY)})
    assert place.fetch("org/m") == [FILE]
    evil_only = place.hub.add("org/evil", dict.fromkeys(evil, BODY))
    assert evil_only.commits
    assert place.refusal("org/evil").id == "not-a-model"


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>", b"[" * 100_000, b"[]", b'{"sha": "../../x"}', b'{"sha": 1}', b"null",
    ],
)  # fmt: skip
def test_an_answer_that_makes_no_sense_is_an_error(
    answer: bytes, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module.Hub, "_bytes", lambda *given: answer)
    error = place.refusal("org/m")
    assert error.id == "hub-failed"
    assert "HF_ENDPOINT" in error.helps[0]


@pytest.mark.parametrize(
    "entry",
    [
        None, 1, {}, {"type": "file"}, {"type": "file", "path": FILE, "size": -1, "oid": "0" * 40},
        {"type": "file", "path": FILE, "size": 1, "oid": "../../x"},
        {"type": "file", "path": FILE, "size": "1", "oid": "0" * 40},
        {"type": "file", "path": FILE, "size": 1, "oid": "0" * 40, "lfs": {"oid": "0" * 64}},
        {"type": "directory", "path": FILE, "size": 1, "oid": "0" * 40},
    ],
)  # fmt: skip
def test_entries_of_a_listing_that_cannot_be_files_are_left_out(entry: Any) -> None:
    assert hub_module._file(entry) is None


def test_a_listing_has_limits(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.hub.add("org/m", {f"{index}.txt": b"" for index in range(30)})
    for name, value in (("MOST_FILES", 20), ("MOST_PAGES", 3), ("MOST_BYTES", 100)):
        with monkeypatch.context() as patch:
            patch.setattr(hub_module, name, value)
            assert place.refusal("org/m").id == "hub-failed"


def test_a_listing_that_continues_elsewhere_is_not_followed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token would go there."""
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    place.hub.add("org/m", {f"{index}.txt": b"" for index in range(30)})
    address = place.hub.address
    monkeypatch.setattr(HubStandIn, "address", place.hub.cdn_address)
    assert place.refusal("org/m").message.endswith("its listing continues at another host")
    assert place.hub.paths("cdn") == [] and address == place.environ["HF_ENDPOINT"]


def test_a_disk_without_room_is_told_before(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil._ntuple_diskusage(10**9, 10**9, 1_000_000)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    error = place.refusal("org/m")
    assert error.id == "no-disk-space"
    assert error.message.endswith("3.9 MB are to be fetched, and 1.0 MB are free")
    assert place.hub.ranges() == []
    place.begin(BODY[:-1_000_000])
    place.fetch("org/m")


def test_a_disk_that_fills_up_meanwhile(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(partial: object, piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer.Partial, "add", full)
    assert place.refusal("org/m").id == "no-disk-space"


def test_a_cache_that_cannot_be_written(place: Place, tmp_path: Path) -> None:
    (tmp_path / "hf").write_text("a file")
    error = place.refusal("org/m")
    assert error.id == "bad-model-cache"
    assert "HF_HOME" in error.helps[0]


def test_a_damaged_file_is_fetched_again_where_that_is_asked_for(place: Place) -> None:
    place.fetch("org/m")
    path = locate("org/m").path
    path.write_bytes(b"GGUF" + BODY[4:-1] + b"!")
    place.fetch("org/m", verify=True)
    assert place.heard.notes == [f"{FILE} is damaged: fetching it again"]
    path.resolve().write_bytes(BODY[:1000])
    place.fetch("org/m")
    assert len(place.blobs()) == 1


def test_without_links_the_files_are_in_their_places(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "symlink", refuse)
    place.fetch("org/m")
    assert not locate("org/m").path.is_symlink()
    place.fetch("org/m", verify=True)
    assert len(place.hub.ranges()) == 1


def test_a_body_in_another_encoding_is_still_bounded(place: Place) -> None:
    """A server may compress what it was asked not to: more than the file's size is never written."""
    bomb = gzip.compress(bytes(50_000_000))
    file = hub_module.HubFile("x", 100, "0" * 64)
    target = place.cache.parent / "x"
    target.parent.mkdir(parents=True)
    with transfer.Partial(target, file) as partial:
        partial.add(gzip.decompress(bomb))
        assert partial.have == 100
    assert target.stat().st_size == 100
