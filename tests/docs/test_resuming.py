"""The commands of `docs/resuming.md` run as they stand, one after the other, and do what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from invoking import process_environment

PAGE = Path(__file__).parents[2] / "docs" / "resuming.md"


def test_commands(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    notes = []
    for line in lines:
        ran = subprocess.run(
            ["sh", "-c", line],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
            env=process_environment(PATH=path),
        )
        notes.append(ran.stderr)
    assert "holds" not in notes[0]
    assert all("holds 2 replies" in note for note in notes[1:3])
    assert len((tmp_path / "capitals.journal").read_text().splitlines()) == 4
