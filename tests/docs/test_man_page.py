"""The manual page is current, whole, and what troff takes."""

from __future__ import annotations

import shutil
import subprocess
import tomllib

import pytest

from spnl.cli import COMMANDS
from tools.make_man import PAGE, ROOT, man_page


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == man_page(), "run `make docs`"


def test_a_wheel_installs_it() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["shared-data"] == {"docs/spnl.1": "share/man/man1/spnl.1"}


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not here")
def test_troff_takes_it_without_a_warning() -> None:
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-P-cbou", "-rLL=80n", str(PAGE)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.decode() == ""
    shown = done.stdout.decode()
    for name in COMMANDS:
        assert f"\n   spnl {name}" in shown
    for part in ("--plain", "NO_COLOR", "config.toml", "130", "git diff | spnl generate"):
        assert part in shown
