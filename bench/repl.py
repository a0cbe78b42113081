"""The session at the keyboard: how fast it starts, what a keystroke costs, and what streaming adds."""

from __future__ import annotations

import os
import pty
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.figures import Figure, median_ratio, rounds

SPNL = Path(sys.executable).with_name("spnl")
BASE = "import prompt_toolkit, click, lark"
LINE = '  (g (model "mistralrs/tiny") (input (seq (system "Be brief.") (user "Question {}?"))))\n'
HISTORY_LINES = 5_000
BUFFER_LINES = 200
KEYS = 60


def starting() -> Iterator[Figure]:
    """From start to the prompt, against importing the libraries that it needs."""
    with tempfile.TemporaryDirectory() as folder:
        _write_history(Path(folder) / "spnl")
        environ = {**os.environ, "XDG_STATE_HOME": folder, "TERM": "xterm-256color"}
        base = [sys.executable, "-c", BASE]
        ours, theirs = rounds([lambda: _start(environ), lambda: subprocess.run(base, check=True)], count=15)
    yield Figure(f"python -c '{BASE}'", statistics.median(theirs) * 1000, "ms")
    yield Figure("start to the session's prompt", statistics.median(ours) * 1000, "ms")
    yield Figure("start to the session's prompt, against those imports", median_ratio(ours, theirs), "", 2)


def typing() -> Iterator[Figure]:
    """A keystroke, from the key to what it puts on the screen, in a large entry with a long history."""
    with tempfile.TemporaryDirectory() as folder:
        _write_history(Path(folder) / "spnl")
        os.environ["XDG_STATE_HOME"] = folder
        for columns, rows in ((80, 24), (200, 50)):
            taken = _keystrokes(columns, rows)
            yield Figure(f"processor time of a key, 200 lines, {columns}x{rows}", _ms(taken, 50), "ms", 10)
            yield Figure("the slowest in twenty of them", _ms(taken, 95), "ms")


def streaming() -> Iterator[Figure]:
    """Tokens a second of a reply that a session shows and keeps, against the library's own run."""
    import spnl
    from spnl.backends.pool import POOL
    from spnl.console import Console, TextAnswer
    from spnl.repl.session import Session

    program = '(g "Count from 1 to 50." (temperature 0) (max-tokens 100))'
    with open(os.devnull, "wb") as nowhere:
        console = Console("always", quiet=True)
        console.stdout = nowhere
        session = Session(console, POOL, model="mistralrs/tiny")
        plain = TextAnswer(nowhere, color=True, terminal=True)
        ours, theirs = rounds(
            [lambda: session.enter(program), lambda: spnl.run(program, output=plain)], count=60
        )
    yield Figure("a reply in a session, against spnl.run", median_ratio(ours, theirs), "", 1.03)


def _write_history(folder: Path) -> None:
    from spnl.repl.history import HistoryFile

    file = HistoryFile(folder / "history.jsonl")
    folder.mkdir(parents=True)
    lines = [f'"(user \\"entry {index}\\")"\n' for index in range(HISTORY_LINES)]
    (folder / "history.jsonl").write_text("".join(lines))
    assert len(file.entries()) == HISTORY_LINES


def _start(environ: dict[str, str]) -> None:
    """Start a session on a terminal, and wait for its prompt."""
    parent, child = pty.openpty()
    process = subprocess.Popen([str(SPNL), "repl"], stdin=child, stdout=child, stderr=child, env=environ)
    try:
        seen = b""
        while b"spnl> " not in seen:
            seen += os.read(parent, 65536)
    finally:
        process.kill()
        process.wait()
        os.close(parent)
        os.close(child)


def _keystrokes(columns: int, rows: int) -> list[float]:
    """Seconds of processor time that each of some keys takes until it is drawn, on a screen of a size."""
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.data_structures import Size
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output.vt100 import Vt100_Output

    from spnl.backends.pool import POOL
    from spnl.console import Console
    from spnl.repl.keyboard import Prompt
    from spnl.repl.session import Session

    session = Session(Console("always", quiet=True), POOL, model="mistralrs/tiny")
    taken: list[float] = []
    keys = iter("(user " * (KEYS // 6))
    with open(os.devnull, "w") as nowhere, create_pipe_input() as keyboard:
        output = Vt100_Output(nowhere, lambda: Size(rows, columns), term="xterm-256color")
        with create_app_session(input=keyboard, output=output):
            prompt = Prompt(session, output)
            program = "(seq\n" + "".join(LINE.format(index) for index in range(BUFFER_LINES - 2)) + "  "
            at = [0.0]

            def drawn(app: object) -> None:
                now = time.process_time()
                if at[0]:
                    taken.append(now - at[0])
                key = next(keys, "\x03")
                at[0] = time.process_time()
                keyboard.send_text(key)

            with suppress(KeyboardInterrupt):
                prompt.entry(program, drawn)
    return taken[2:]


def _ms(taken: list[float], percent: int) -> float:
    return statistics.quantiles(taken, n=100)[percent - 1] * 1000
