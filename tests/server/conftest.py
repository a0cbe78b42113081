"""One real server for the tests that do not change it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from serving import ServeProcess


@pytest.fixture(scope="session")
def tiny_server() -> Iterator[ServeProcess]:
    """`spnl serve tiny`, with the real engine; a server without a key."""
    with ServeProcess("tiny", "--allow", "mistralrs/tiny") as server:
        yield server
