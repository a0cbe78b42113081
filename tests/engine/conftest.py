"""Models and engines for the tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures_models import ModelFiles

from spnl.backends.base import Engine
from spnl.backends.pool import ModelPool

os.environ.setdefault("RUST_LOG", "off")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """The variants of the bundled model."""
    return ModelFiles(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def load() -> Callable[[Path | str], Engine]:
    """Loads a model by its path or name, once for all tests."""
    pool = ModelPool(limit=16)
    return lambda model: pool.get(str(model))


@pytest.fixture
def tiny(load: Callable[[Path | str], Engine]) -> Engine:
    """The bundled model."""
    return load("tiny")
