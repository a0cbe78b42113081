"""Model files for the tests of this folder."""

from __future__ import annotations

import pytest
from fixtures_models import ModelFiles


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> ModelFiles:
    """The variants of the bundled model."""
    return ModelFiles(tmp_path_factory.mktemp("models"))
