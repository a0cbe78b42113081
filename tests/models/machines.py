"""A machine for tests of fetching: a cache that is empty, a hub on loopback, and processes of the command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from fixtures_models import TINY
from hub_stand_in import HubStandIn
from invoking import Ran, command, process_environment, run_process
from scripted import PATIENCE

BODY = TINY.read_bytes()
FILE = "m-Q8_0.gguf"
QUESTION = '(g "What is the capital of France?" (temperature 0))'
ANSWER = b"The capital of France is Paris.\n"

WITHOUT_NETWORK = """
import socket, sys
def refuse(*given, **named):
    print("a socket is opened", file=sys.stderr)
    raise SystemExit(9)
socket.socket = socket.create_connection = socket.getaddrinfo = refuse
from spnl.cli import run
code = run(sys.argv[1:])
names = [name for name in sys.modules if name.split(".")[0] in ("huggingface_hub", "httpx2", "filelock")]
print(names, file=sys.stderr)
sys.exit(code)
"""
"""Runs the command where no connection can be opened, and writes which of the hub's modules it imported."""


class Machine:
    """A hub, and a machine with an empty cache."""

    def __init__(self, hub: HubStandIn, home: Path) -> None:
        self.hub = hub
        self.home = home
        self.environ = {
            "HF_ENDPOINT": hub.address, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "COLUMNS": "80"
        }  # fmt: skip

    def run(self, *args: str, stdin: bytes = b"", **environ: str) -> Ran:
        return run_process(*args, stdin=stdin, env={**self.environ, **environ})

    def start(self, *args: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command(*args),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=process_environment(**self.environ),
        )

    def run_until(self, served: int, stop: Callable[[subprocess.Popen[bytes]], object], *args: str) -> int:
        """Run a command, and stop it once so many bytes have been sent to it; its exit code."""
        before = sum(self.hub.served.values())
        process = self.start(*args)

        def watch(total: int) -> None:
            if total - before >= served and process.poll() is None:
                self.hub.watch = None
                stop(process)
                process.wait(PATIENCE)

        self.hub.watch = watch
        process.communicate(timeout=3 * PATIENCE)
        self.hub.watch = None
        return process.returncode

    def files(self) -> list[Path]:
        """All files of the cache but locks."""
        return sorted(path for path in self.home.rglob("*") if path.is_file() and path.suffix != ".lock")

    def run_without_network(self, *args: str, **environ: str) -> Ran:
        """Run a command that can open no connection; the last line of stderr has the hub's modules."""
        ran = subprocess.run(
            [sys.executable, "-c", WITHOUT_NETWORK, *args],
            capture_output=True,
            check=False,
            env=process_environment(**{**self.environ, **environ}),
        )
        return Ran(ran.stdout, ran.stderr.decode(), ran.returncode)
