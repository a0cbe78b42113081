"""Fixtures for every test: an environment that says nothing, so that no test depends on who runs it."""

from __future__ import annotations

import os

import pytest
from goldens import IN_CI
from hypothesis import HealthCheck, settings

# No test is timed. In CI the same examples are tried every time, so that a change is blamed for itself only.
settings.register_profile(
    "spnl", deadline=None, derandomize=IN_CI, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("spnl")

# Read by the engine when it is imported. One thread is enough for models of this size; with several, they
# spin while they wait for each other, and where the machine is busy that makes them forty times slower.
os.environ.setdefault("RAYON_NUM_THREADS", "1")

_MEANINGFUL = ("CI", "NO_COLOR", "FORCE_COLOR", "TERM", "RUST_LOG", "COLUMNS")
_OURS = ("SPNL_MODEL", "SPNL_NUM_PARALLEL", "SPNL_PLAIN", "SPNL_API_KEY")
_SERVERS = ("OPENAI_", "OLLAMA_", "GEMINI_")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Unset every variable that spnl reads; subprocesses inherit this."""
    for name in list(os.environ):
        if name in (*_MEANINGFUL, *_OURS) or name.startswith(
            ("MISTRALRS_", "HF_", "HUGGINGFACE_", *_SERVERS)
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", "/no/models")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # unset by tests that have a hub of their own
    monkeypatch.setenv("SPNL_CONFIG", os.devnull)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
