"""The way into the package: its log stays out of the answer, and the device is one that can be had."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
from fixtures_models import TINY

from spnl.backends.mistralrs import calls, native
from spnl.backends.mistralrs.native import choose_device, load_module
from spnl.errors import GenerationError, ModelError, UsageError
from spnl.settings import Settings

ROOT = TINY.parent.parent.parent

ASK = """
import os, sys, threading
sys.path.insert(0, sys.argv[1])
from spnl.backends.base import Request
from spnl.backends.pool import POOL
from spnl.query import Sampling

asked = Request((("user", "Hello there"),), Sampling(max_tokens=1000, temperature=2.0))
engine = POOL.get("tiny")
stream = engine.stream(asked)
next(stream)
"""


def run(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(ROOT)],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, **variables},
        check=False,
    )


def outcome(program: str, **variables: str) -> tuple[int, str, str]:
    done = run(program, **variables)
    return done.returncode, done.stdout, done.stderr


def test_the_engine_is_silent_and_its_log_variable_is_not_left_behind() -> None:
    stream_to_end = "list(stream)\nprint('RUST_LOG' in os.environ)"
    assert outcome(ASK + stream_to_end) == (0, "False\n", "")


def test_the_log_is_written_where_it_is_asked_for() -> None:
    assert "INFO" in run(ASK, MISTRALRS_VERBOSE="1").stdout
    assert "INFO" in run(ASK, RUST_LOG="info").stdout
    assert run(ASK, RUST_LOG="error", MISTRALRS_VERBOSE="1").stdout == ""


@pytest.mark.parametrize(
    "ending",
    [
        "list(stream)",
        "",  # a stream that nobody closes
        "stream.close()\nPOOL.unload_all()",
        "threading.Thread(target=list, args=(stream,), daemon=True).start()",
        "import atexit\natexit.register(POOL.unload_all)",
        "print('done', end='', flush=True)\nos.close(1)",
    ],
)
def test_a_process_ends_quietly_whatever_is_open(ending: str) -> None:
    code, out, err = outcome(ASK + ending)
    assert (code, out.removeprefix("done"), err) == (0, "", "")


def test_a_process_does_not_wait_for_a_long_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "END_SECONDS", 0.05)
    under_way = calls.Calls()
    inside, leave = threading.Event(), threading.Event()

    def call() -> None:
        with under_way.one():
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=call)
    thread.start()
    inside.wait(60)
    under_way.end()
    assert thread.is_alive()
    leave.set()
    thread.join(60)
    with pytest.raises(GenerationError, match="the process is ending"), under_way.one():
        pass


def test_cpu_hides_gpus_before_the_engine_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    load_module(Settings(device="auto"))
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
    load_module(Settings(device="cpu"))
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_a_package_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mistralrs", None)
    with pytest.raises(ModelError) as caught:
        load_module(Settings())
    assert (caught.value.id, caught.value.exit_code) == ("no-engine", 4)
    assert "pip install mistralrs" in caught.value.helps[0]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package whose shared object holds whatever a test writes there."""
    spec = ModuleSpec("mistralrs", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(native, "find_spec", lambda name: spec)
    native._accelerator.cache_clear()
    monkeypatch.setattr(native, "has_gpu", lambda: True)
    (tmp_path / "__init__.pyi").write_text("libcuda.so")
    library = tmp_path / "mistralrs.abi3.so"
    library.write_bytes(bytes(1000))
    yield library
    native._accelerator.cache_clear()


MARKED = [
    (b"no accelerator", None),
    (b"libcuda.so.1", "cuda"),
    (b"CUDA_ERROR_OUT_OF_MEMORY", "cuda"),
    (b"/System/Library/Frameworks/Metal.framework/Versions/A/Metal", "metal"),
]


@pytest.mark.parametrize(("mark", "accelerator"), MARKED)
def test_a_build_is_known_by_what_it_is_linked_with(
    mark: bytes, accelerator: str | None, build: Path
) -> None:
    build.write_bytes(bytes(1000) + mark + bytes(1000))
    assert choose_device(Settings(device="auto")) == (accelerator or "cpu")
    for asked in ("cuda", "metal"):
        if asked == accelerator:
            assert choose_device(Settings(device=asked)) == asked
        else:
            with pytest.raises(UsageError) as caught:
                choose_device(Settings(device=asked))
            assert (caught.value.id, caught.value.exit_code) == ("no-device", 2)
            assert f"MISTRALRS_DEVICE is {asked}, which cannot be had" in caught.value.message


def test_the_cpu_cannot_be_had_from_a_build_for_metal(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_device(Settings(device="cpu")) == "cpu"
    build.write_bytes(b"Metal.framework")
    native._accelerator.cache_clear()
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UsageError, match="a build for Metal runs on the GPU only"):
        choose_device(Settings(device="cpu"))


def test_auto_looks_at_the_build_only_where_there_is_a_gpu(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.write_bytes(b"libcuda.so")
    monkeypatch.setattr(native, "has_gpu", lambda: False)
    assert choose_device(Settings()) == "cpu"
    assert native._accelerator.cache_info().misses == 0


def test_a_hidden_gpu_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_GPU_FILES", (str(TINY),))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert native.has_gpu()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert not native.has_gpu()
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(native, "_GPU_FILES", ("/no/such/device",))
    assert not native.has_gpu()
