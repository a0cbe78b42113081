"""Model files for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_models import TINY, ModelFiles
from hub_stand_in import serving
from models.machines import FILE, Machine


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """The variants of the bundled model."""
    return ModelFiles(tmp_path_factory.mktemp("models"))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine without models, and a hub with one."""
    with serving() as hub:
        hub.add("org/m", {FILE: TINY, "m-IQ2_M.gguf": b"GGUF", "README.md": b"m"})
        yield Machine(hub, tmp_path / "hf")
