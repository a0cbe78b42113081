"""Programs: no bytes make `spnl check` or `spnl fmt` do anything but succeed or say what is wrong."""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from spnl import cli, files
from spnl.call_stack import Trace
from spnl.errors import SpnlError
from spnl.expander import Expander
from spnl.formatting import format_program
from spnl.forms import FORMS
from spnl.inputs import Inputs
from spnl.optimizer import optimize
from spnl.reader import read, read_all
from spnl.scope import Scope
from spnl.source import Source
from spnl.syntax import Node
from spnl.values import Value

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "language" / "data"
MOST_STEPS = 20_000
FORMATS = ("text", "json", "sarif")

_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|#?\(|\)|;[^\n]*|[^\s()";]+|\s+|.', re.DOTALL)
_NAME = "program.spnl"
_IMPORTER = "importer.spnl"


def try_one(data: bytes, folder: Path) -> None:
    """Check, format and expand a program; a fault of ours raises."""
    _fill(folder)
    (folder / _NAME).write_bytes(data)
    with _kept_inside(folder):
        _check(_NAME, len(data))
        _check(_IMPORTER, len(data) + 1)
        try:
            source = Source.from_bytes(_NAME, data, str(folder))
        except SpnlError:
            return
        _format(source)
        _expand(source)


def _check(name: str, number: int) -> None:
    form = FORMATS[number % len(FORMATS)]
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(out), patch.object(cli, "_report_bug", _raise):
        code = cli.run(["check", "--color=never", "--format", form, name])
    written = out.buffer.getvalue().decode()  # type: ignore[attr-defined]
    assert code in (0, 3), code
    assert form == "text" or json.loads(written) is not None
    assert form != "text" or ("error[" in written) == (code == 3)


def _format(source: Source) -> None:
    """Laying out changes no program, and twice is once."""
    program, errors = read_all(source)
    if errors and errors[0].id != "empty":
        return
    laid_out = Source(source.name, format_program(source), source.folder)
    again, errors = read_all(laid_out)
    assert not errors or errors[0].id == "empty", errors[0].message
    assert again.items == program.items, "another program"
    assert format_program(laid_out) == laid_out.text, "not idempotent"


def _expand(source: Source) -> None:
    """Expand as a run does, with data that are known, and optimize."""
    inputs = Inputs(io.BytesIO(b"France\nItaly\n"), io.StringIO(), {"HOME": "x"})
    with contextlib.suppress(SpnlError):
        optimize(_Ending({"country": "Italy"}, inputs).program(read(source)))


class _Ending(Expander):
    """Ends a program that would compute for ever, as its author may want."""

    steps = 0

    def expand(self, node: Node, scope: Scope, trace: Trace | None = None) -> Value:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise SpnlError("ended", "too many steps")
        return super().expand(node, scope, trace)


@contextlib.contextmanager
def _kept_inside(folder: Path) -> Iterator[None]:
    """No file elsewhere is looked for, and what takes long by design takes less."""

    def located(path: str, _folder: str) -> str:
        return str(folder / path.replace("/", "_")[-200:])

    with (
        patch.object(files, "located", located),
        patch("spnl.inputs.located", located),
        patch("spnl.forms.patterns.TIME_LIMIT", 0.05),
        patch("spnl.forms.lists.MAX_RANGE", 1000),
        patch("spnl.checker.MAX_STEPS", MOST_STEPS),
    ):
        yield


def _raise() -> None:
    error = sys.exc_info()[1]
    assert error is not None
    raise error


def _fill(folder: Path) -> None:
    if not (folder / _IMPORTER).exists():
        for file in DATA.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        (folder / _IMPORTER).write_text(f'(import "{_NAME}") (import "{_NAME}" as p) (seq x p/x (f "a"))')


def seeds() -> Iterator[bytes]:
    """Every example, every case of the tests, and the examples of every form."""
    for file in [*(ROOT / "examples").glob("*.spnl"), *(ROOT / "tests").rglob("*.spnl")]:
        text = file.read_bytes()
        yield text
        yield from (piece.strip() for piece in re.split(rb"\n\s*\n", text))
    for form in FORMS.values():
        yield from (part.strip().encode() for part in form.doc.split("\n\n")[1:])


def words() -> Iterator[bytes]:
    """Forms and clauses, and what the grammar knows."""
    for name, form in FORMS.items():
        yield name.encode()
        yield f"({name} ".encode()
        if not form.special:
            yield from (f"({clause} ".encode() for clause in form.clauses)
    yield from (
        b'"""',
        b"#|",
        b"|#",
        b"#;",
        b"#t",
        b"#f",
        b"\\u{1F600}",
        b"\\n",
        b"()",
        b"(((",
        b")))",
        b'""',
    )
    yield from (
        b'"{} {x}"',
        b"-0.0",
        b"1e300",
        b"255",
        b"\xef\xbb\xbf",
        b"\r\n",
        b"\xf0\x9f\x98\x80",
        b"\xc2\xa0",
    )
    yield from (f'"{file.name}"'.encode() for file in DATA.iterdir())


_WORDS = sorted(set(words()))
_HEADS = sorted(name.encode() for name in FORMS)


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """A program with a part cut out, doubled, moved, wrapped or replaced."""
    chance = random.Random(seed)
    tokens = _TOKEN.findall(data)
    for _ in range(chance.randint(1, 4)):
        start, end = _part(tokens, chance)
        part = tokens[start:end]
        match chance.randrange(7):
            case 0:
                tokens[start:end] = []
            case 1:
                tokens[start:end] = [*part, b" ", *part]
            case 2:
                other, other_end = _part(tokens, chance)
                tokens[start:end] = tokens[other:other_end]
            case 3:
                tokens[start:end] = [b"(", chance.choice(_HEADS), b" ", *part, b")"]
            case 4:
                tokens[start:end] = [chance.choice(_WORDS)]
            case 5:
                tokens[start:start] = [chance.choice(_WORDS), b" "]
            case _:
                tokens[start:end] = [b"(let ((x ", *part, b")) x)"]
    return b"".join(tokens)[:most]


def _part(tokens: list[bytes], chance: random.Random) -> tuple[int, int]:
    """The tokens of one atom, or of a whole list, at random."""
    if not tokens:
        return 0, 0
    start = chance.randrange(len(tokens))
    depth = 0
    for end in range(start, min(len(tokens), start + 400)):
        depth += tokens[end].endswith(b"(") - (tokens[end] == b")")
        if depth <= 0:
            return start, end + 1
    return start, start + 1
