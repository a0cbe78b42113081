"""Errors that take more than a command line: each is provoked, and drawn as its file in `errors/` says.

Servers, hubs, disks and models that fail stand on this machine. What is not the same in each run is written
in capitals: HERE is the folder, HUB and SERVER an address, PORT a number.
"""

from __future__ import annotations

import errno
import importlib.util
import shutil
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backends.clients import talking
from engine.asking import request
from fixtures_models import TINY, ModelFiles, copy_gguf
from goldens import check
from hub_stand_in import MAIN, HubStandIn
from hub_stand_in import serving as serving_hub
from invoking import invoke
from models.caches import Cache
from scripted import Gate
from scripted_http import Exchange

import spnl
import spnl.codec
from spnl.backends.base import Constraint
from spnl.backends.mistralrs.failures import run_failure
from spnl.backends.pool import ModelPool
from spnl.diagnostics import render
from spnl.errors import SpnlError
from spnl.models import hub as hub_module
from spnl.models import memory, patience
from spnl.models.cache_writing import RepoCache
from spnl.models.hub import HubFile, Listing
from spnl.models.progress import Progress
from spnl.query import Message, Monad, Query
from spnl.stores.journal import Journal

GOLDENS = Path(__file__).parent / "errors"
QUESTION = '(g "hello")'

Refused = Callable[..., None]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where all of it happens."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Runs a command that is refused with an error, and compares what it writes."""

    def run(id: str, *args: str, exit_code: int, script: Any = None, **stands_for: str) -> None:
        ran = invoke(monkeypatch, args, script=script)
        assert ran.code == exit_code, ran.err
        compare(id, ran.err, **stands_for)

    return run


def compare(id: str, drawn: str, **stands_for: str) -> None:
    """What was drawn is what the file has; `stands_for` are the words in capitals and what they stand for."""
    for word, text in {**stands_for, "HERE": str(Path.cwd())}.items():
        drawn = drawn.replace(text, word)
    assert f"[{id}]" in drawn.strip().partition("\n")[0]
    check(GOLDENS / f"{id}.txt", drawn.rstrip("\n"))


def drawn(error: SpnlError) -> str:
    """An error as the command draws it."""
    return render(error, color=False)


# What holds a run up.


def test_timeout(refused: Refused) -> None:
    gate = Gate()

    def script(asked: object) -> Iterator[str]:
        gate.wait()
        yield "late"

    opener = threading.Timer(5, gate.open)
    opener.start()
    try:
        refused("timeout", "-m", "m", "-c", '(g "hello" (timeout 0.05))', script=script, exit_code=1)
    finally:
        opener.cancel()
        gate.open()


def test_engine_died(refused: Refused) -> None:
    """`tests/engine/test_buffers.py` has the real engine die."""

    def script(asked: object) -> str:
        raise run_failure(ValueError("Received none in ChatCompletionStreamer"))

    refused("engine-died", "-m", "m", "-c", QUESTION, script=script, exit_code=1)


def test_interrupted(refused: Refused) -> None:
    """The empty line ends the one that the answer or the display may have begun."""

    def script(asked: object) -> str:
        raise KeyboardInterrupt

    refused("interrupted", "-m", "m", "-c", QUESTION, script=script, exit_code=130)


def test_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spnl.checker.MAX_STEPS", 5_000)
    Path("demo.spnl").write_text("(define (f n)\n  (if (= n 0) 1 (+ (f (- n 1)) (f (- n 1)))))\n(f 60)\n")
    ran = invoke(monkeypatch, ["check", "demo.spnl"])
    assert ran.code == 0
    compare("not-checked", ran.out.decode())


def test_not_in_program() -> None:
    query: Query = Message("user", "a")
    for _ in range(1000):
        query = Monad(query)
    with pytest.raises(SpnlError) as caught:
        spnl.codec.write_program(query)
    compare("not-in-program", drawn(caught.value))


def test_bad_text() -> None:
    with pytest.raises(SpnlError) as caught:
        spnl.run('(g (arg "text"))', arguments={"text": "ab\udcffc"}, model="tiny")
    compare("bad-text", drawn(caught.value))


# Journals.


def test_journal_in_use(refused: Refused) -> None:
    journal = Journal("run.journal", print)
    try:
        refused("journal-in-use", "--journal", "run.journal", "-m", "m", "-c", QUESTION, exit_code=2)
    finally:
        journal.close()


def test_journal_failed(monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    def script(asked: object) -> str:
        monkeypatch.setattr("spnl.stores.journal.os.write", full)
        return "said"

    def full(*given: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    words = ("--journal", "run.journal", "-m", "m", "-c", QUESTION)
    refused("journal-failed", *words, script=script, exit_code=1)


# Servers.


def test_server_timeout() -> None:
    with talking(Exchange.wait_until_closed, first=0.05) as client:
        compare("server-timeout", drawn(client.refuse()), SERVER=client.server.url)


def test_no_server(monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "uvicorn" else found(name))
    refused("no-server", "serve", "tiny", exit_code=2)


def test_bad_address(refused: Refused) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused("bad-address", "serve", "tiny", "--port", port, exit_code=2, PORT=port)


def test_no_requantising() -> None:
    with pytest.raises(SpnlError) as caught:
        ModelPool().get("tiny").requantise("Q4K")  # type: ignore[attr-defined]
    compare("no-requantising", drawn(caught.value))


# The engine, and what it is given.


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """The variants of the bundled model."""
    return ModelFiles(tmp_path_factory.mktemp("models"))


def test_no_chat_template(files: ModelFiles, refused: Refused) -> None:
    shutil.copy(files.base, "base.gguf")
    program = '(g (seq (system "Be terse.") (user "hello")))'
    refused("no-chat-template", "-m", "./base.gguf", "-c", program, exit_code=3)


def test_template_refused(files: ModelFiles, refused: Refused) -> None:
    shutil.copy(files.odd, "odd.gguf")
    program = '(g (seq (user "hello") (system "Be terse.")))'
    refused("template-refused", "-m", "./odd.gguf", "-c", program, exit_code=3)


def test_load_failed(refused: Refused) -> None:
    copy_gguf(Path("m.gguf"), changed={"llama.attention.head_count": 7})
    refused("load-failed", "-m", "./m.gguf", "-c", QUESTION, exit_code=4)


def test_bad_grammar() -> None:
    asked = request("hello").but(constraint=Constraint("json_schema", '{"type": "nonsense"}'))
    with pytest.raises(SpnlError) as caught:
        list(ModelPool().get("tiny").stream(asked))
    compare("bad-grammar", drawn(caught.value))


def test_out_of_memory(monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    monkeypatch.setattr("spnl.backends.mistralrs.loading._LARGE", 1_000_000)
    monkeypatch.setattr(memory, "memory_here", lambda: memory.Memory(1_000_000, 1_000_000))
    shutil.copy(TINY, "m.gguf")
    refused("out-of-memory", "-q", "-m", "./m.gguf", "-c", QUESTION, exit_code=4)


def test_no_engine(monkeypatch: pytest.MonkeyPatch, refused: Refused) -> None:
    monkeypatch.setitem(sys.modules, "mistralrs", None)
    shutil.copy(TINY, "m.gguf")
    refused("no-engine", "-m", "./m.gguf", "-c", QUESTION, exit_code=4)


def test_bad_setting(refused: Refused) -> None:
    Path("latin.jinja").write_bytes(b"{{ 'caf\xe9' }}")
    words = ("-m", "tiny", "--chat-template", "latin.jinja", "-c", QUESTION)
    refused("bad-setting", *words, exit_code=2)


# Hubs, and the cache of models.


@pytest.fixture
def hub(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubStandIn]:
    """A hub with one model, and an empty cache."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(folder / "token"))
    monkeypatch.setattr(patience, "sleep", lambda seconds: None)
    with serving_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_HOME", str(folder / "hf"))
        hub.add("org/m", {"m-Q8_0.gguf": TINY})
        yield hub


def pulled(id: str, hub: HubStandIn, refused: Refused, exit_code: int = 4) -> None:
    """A model cannot be fetched."""
    refused(id, "pull", "-q", "org/m", exit_code=exit_code, HUB=hub.address.removeprefix("http://"))


def test_gated_model(hub: HubStandIn, refused: Refused) -> None:
    hub.add("org/m", {"m-Q8_0.gguf": TINY}, gated=True)
    pulled("gated-model", hub, refused)


def test_hub_refused(hub: HubStandIn, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_nobody")
    pulled("hub-refused", hub, refused)


def test_hub_unreachable(hub: HubStandIn, refused: Refused) -> None:
    hub.fail(503, times=20)
    pulled("hub-unreachable", hub, refused)


def test_hub_failed(hub: HubStandIn, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub_module.Hub, "_bytes", lambda *given: b"<html>Please log in</html>")
    pulled("hub-failed", hub, refused)


def test_no_disk_space(hub: HubStandIn, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil._ntuple_diskusage(10**9, 10**9, 1_000_000)  # type: ignore[attr-defined]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    pulled("no-disk-space", hub, refused)


def test_bad_model_cache(hub: HubStandIn, refused: Refused, folder: Path) -> None:
    (folder / "hf").write_text("a file")
    pulled("bad-model-cache", hub, refused)


def test_being_fetched(folder: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock is the one that a fetch takes; here another thread's, which is refused as a process's is."""
    monkeypatch.setenv("HF_HOME", str(folder / "hf"))
    cache = Cache(folder / "hf")
    cache.add("org/m", {"m-Q8_0.gguf": b"GGUF"})
    file = HubFile("m-Q8_0.gguf", 4, "c" * 40)
    store = RepoCache(cache.folder, Listing("org/m", MAIN, (file,)))
    locked, done = threading.Event(), threading.Event()

    def fetching() -> None:
        with store.locked(file, Progress()):
            locked.set()
            done.wait()

    thread = threading.Thread(target=fetching)
    thread.start()
    locked.wait()
    try:
        refused("being-fetched", "rm", "--yes", "org/m", exit_code=4)
    finally:
        done.set()
        thread.join()
