"""Backends to hold to the contract: this machine's engine, and clients of servers that it stands behind.

Behind `openai/` is `spnl serve`, a process of its own; behind `ollama/` and `gemini/` a server of ours that
speaks as theirs do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from protocols import KEY, PROTOCOLS, speaking
from scripted_http import serving
from serving import ServeProcess

from spnl.backends.base import Engine
from spnl.backends.pool import ModelPool

os.environ.setdefault("RUST_LOG", "off")

BACKENDS = ("mistralrs", "openai", "ollama", "gemini")


class Backend(NamedTuple):
    """A backend under test: its prefix, and a pool of its own."""

    prefix: str
    pool: ModelPool

    @property
    def tiny(self) -> Engine:
        """The bundled model, by way of this backend."""
        return self.pool.get(f"{self.prefix}/tiny")


@pytest.fixture(scope="session")
def here() -> Engine:
    """The bundled model on this machine: what every backend is compared with."""
    return ModelPool().get("mistralrs/tiny")


@pytest.fixture(scope="session")
def spnl_serve() -> Iterator[str]:
    """The base URL of `spnl serve tiny`."""
    process = ServeProcess("tiny")
    yield f"{process.url}/v1"
    process.end()


@pytest.fixture(params=BACKENDS)
def backend(
    request: pytest.FixtureRequest, here: Engine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Backend]:
    """Each backend in turn."""
    prefix: str = request.param
    pool = ModelPool()
    if prefix == "mistralrs":
        yield Backend(prefix, pool)
        return
    if prefix == "openai":
        monkeypatch.setenv("OPENAI_API_BASE", request.getfixturevalue("spnl_serve"))
        yield Backend(prefix, pool)
        pool.unload_all()
        return
    protocol = PROTOCOLS[prefix]
    with serving(speaking(protocol, here)) as server:
        monkeypatch.setenv(f"{prefix.upper()}_API_BASE", f"http://127.0.0.1:{server.port}{protocol.base}")
        monkeypatch.setenv(f"{prefix.upper()}_API_KEY", KEY)
        yield Backend(prefix, pool)
        pool.unload_all()
