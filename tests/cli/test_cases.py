"""The command line, case by case: the files in `cases/` say what is run, and exactly what comes of it.

A case begins with `%% NAME`. `%file NAME`, `%stdin` and `%run` say what there is and what is run, in an empty
folder; `%out`, `%err` and `%exit` what comes of it. Models are scripted (`invoking.performer`: they say what
they are asked), unless the case says `%models`; `%server STATUS` is a server of models on this machine which
OPENAI_API_BASE names, and what it replies to whatever is asked. A control character is written as in Python
(`\\x1b`), and a text that does not end with a newline ends with `%no-newline`. On stderr, HERE is the folder,
SERVER the server's address, and 0.00 s any time.

SPNL_REWRITE_GOLDENS=1 writes what comes of each case into its file. Read the difference before you keep it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from goldens import REWRITE
from invoking import Ran, invoke, performer
from scripted_http import Exchange, serving

CASES = Path(__file__).parent / "cases"
NO_NEWLINE = "%no-newline\n"


@dataclass(frozen=True)
class Case:
    """One run of the command: what is there, what is run, what comes of it."""

    path: Path
    name: str
    files: dict[str, str] = field(default_factory=dict)
    stdin: str = ""
    models: bool = False
    server: tuple[int, str] | None = None
    run: str = ""
    out: str = ""
    err: str = ""
    exit: int = 0

    def __str__(self) -> str:
        parts = [f"%% {self.name}\n"]
        parts += ["%models\n"] if self.models else []
        parts += [f"%server {self.server[0]}\n{_shown(self.server[1])}"] if self.server else []
        parts += [f"%file {name}\n{_shown(text)}" for name, text in self.files.items()]
        parts += [f"%stdin\n{_shown(self.stdin)}"] if self.stdin else []
        parts += [f"%run {self.run}\n"]
        parts += [f"%out\n{_shown(self.out)}"] if self.out else []
        parts += [f"%err\n{_shown(self.err)}"] if self.err else []
        parts += [f"%exit {self.exit}\n"] if self.exit else []
        return "".join(parts)

    def reply(self, exchange: Exchange) -> None:
        """Reply as the case's server does."""
        assert self.server is not None
        status, body = self.server
        kind = "text/event-stream" if body.startswith("data:") else "application/json"
        exchange.plain(status, body, content_type=kind)


def _shown(text: str) -> str:
    """A text as it stands in a file of cases."""
    text = re.sub(r"[\x00-\x09\x0b-\x1f\x7f]", lambda found: repr(found[0])[1:-1], text)
    return text if text.endswith("\n") else f"{text}\n{NO_NEWLINE}"


def _meant(shown: str) -> str:
    """The text that stands in a file of cases."""
    text = re.sub(r"\\(?:x[0-9a-f]{2}|[rt])", lambda found: found[0].encode().decode("unicode_escape"), shown)
    return text.removesuffix(f"\n{NO_NEWLINE}")


def read_cases(path: Path) -> Iterator[Case]:
    """The cases of a file, in order."""
    for block in re.split(r"^%% ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        name, _, rest = block.partition("\n")
        rest = (
            rest.removesuffix("\n") if rest.endswith("\n\n") else rest
        )  # the empty line before the next case
        case = Case(path, name)
        for part in re.findall(
            r"^%(?!no-newline).*\n(?:(?!%)(?:.*)\n|%no-newline\n)*", rest, flags=re.MULTILINE
        ):
            case = _with_part(case, *part.split("\n", 1))
        yield case


def _with_part(case: Case, heading: str, body: str) -> Case:
    kind, _, argument = heading.removeprefix("%").partition(" ")
    if kind == "file":
        return replace(case, files={**case.files, argument: _meant(body)})
    if kind == "exit":
        return replace(case, exit=int(argument))
    if kind == "run":
        return replace(case, run=argument)
    if kind == "models":
        return replace(case, models=True)
    if kind == "server":
        return replace(case, server=(int(argument), _meant(body)))
    assert kind in ("stdin", "out", "err"), f"{case.path.name}: {heading}"
    return replace(case, **{kind: _meant(body)})


ALL = [case for path in sorted(CASES.glob("*.txt")) for case in read_cases(path)]


def perform(case: Case, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Run a case in the working directory."""
    for name, text in case.files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(text.encode())
    words = shlex.split(case.run)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        monkeypatch.setenv(name, value)
    assert words.pop(0) == "spnl"
    script = None if case.models or case.server else performer
    with serving(case.reply) if case.server else nullcontext() as server:
        if server is not None:
            monkeypatch.setenv("OPENAI_API_BASE", server.url)
        ran = invoke(monkeypatch, words, stdin=case.stdin.encode(), script=script)
    return ran if server is None else ran._replace(err=ran.err.replace(server.url, "SERVER"))


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.path.stem}-{case.name}")
def test_case(case: Case, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    ran = perform(case, monkeypatch)
    err = re.sub(r"in \d+\.\d\d s$", "in 0.00 s", ran.err.replace(str(tmp_path), "HERE"), flags=re.MULTILINE)
    became = replace(case, out=ran.out.decode(), err=err, exit=ran.code)
    if REWRITE:
        text = case.path.read_text(encoding="utf-8")
        case.path.write_text(text.replace(str(case), str(became), 1), encoding="utf-8")
        return
    assert str(became) == str(case)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.txt")), ids=lambda path: path.stem)
def test_cases_are_written_as_they_are_rewritten(path: Path) -> None:
    """So that a rewrite changes nothing but what came out; every name is used once."""
    text = path.read_text(encoding="utf-8")
    cases = list(read_cases(path))
    assert text[text.index("%% ") :] == "\n".join(map(str, cases))
    assert len({case.name for case in cases}) == len(cases)
