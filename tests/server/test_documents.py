"""docs/serving.md and contrib/: every id of the server is listed, and the files can be used as they are."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from spnl.commands.serve import command

ROOT = Path(__file__).parents[2]
CONTRIB = ROOT / "contrib"


def ids_made_here() -> Iterator[tuple[str, str]]:
    """The status and the id of every error that the server makes."""
    for file in (ROOT / "spnl" / "server").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "HttpError":
                status, id = node.args[:2]
                if isinstance(id, ast.Constant):
                    yield ast.unparse(status), str(id.value)


def test_every_error_of_the_server_is_in_the_table() -> None:
    """Those that pass on an error of spnl's have its id, which docs/errors.md has."""
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (\d+) \|", page, re.MULTILINE))
    made = {id: status for status, id in ids_made_here()} | {"no-such-path": "404"}
    assert listed == made


def serve_words(words: list[str]) -> list[str]:
    """The words after `serve` in a command line."""
    return words[words.index("serve") + 1 :]


def test_the_command_takes_what_the_files_give_it() -> None:
    unit = (CONTRIB / "spnl.service").read_text(encoding="utf-8")
    start = re.search(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert start is not None
    compose = yaml.safe_load((CONTRIB / "compose.yaml").read_text(encoding="utf-8"))
    for words in (start[1].split(), compose["services"]["spnl"]["command"]):
        context = command.make_context("serve", serve_words(words))
        assert isinstance(context, click.Context) and context.params["key_file"].endswith("/key")


def test_both_wait_longer_than_the_server_takes_to_end() -> None:
    grace = next(option.default for option in command.params if option.name == "grace")
    unit = (CONTRIB / "spnl.service").read_text(encoding="utf-8")
    stop = re.search(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    compose = yaml.safe_load((CONTRIB / "compose.yaml").read_text(encoding="utf-8"))
    assert stop is not None and int(stop[1]) > grace + 10
    assert int(compose["services"]["spnl"]["stop_grace_period"].removesuffix("s")) > grace + 10


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    text = (CONTRIB / "spnl.service").read_text(encoding="utf-8")
    unit = tmp_path / "spnl.service"
    unit.write_text(text.replace("/opt/spnl/bin/spnl", sys.executable), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    assert [line for line in done.stderr.splitlines() if "spnl.service" in line] == []
    assert done.returncode == 0, done.stderr


def has_compose() -> bool:
    """Whether Docker and its plugin are here."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_compose(), reason="Docker Compose is not installed")
def test_compose_takes_the_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k", encoding="utf-8")
    file = tmp_path / "compose.yaml"
    file.write_bytes((CONTRIB / "compose.yaml").read_bytes())
    done = subprocess.run(
        ["docker", "compose", "-f", str(file), "config", "-q"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_the_image_copies_is_there() -> None:
    text = (CONTRIB / "Dockerfile").read_text(encoding="utf-8")
    copied = [word for line in re.findall(r"^COPY (.*) \S+$", text, re.MULTILINE) for word in line.split()]
    assert copied and all((ROOT / name).exists() for name in copied)
