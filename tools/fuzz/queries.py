"""Queries in JSON and YAML: what is read is written, and read again it is the same."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

from spnl.api import expand
from spnl.codec import read_json, read_yaml, write_json, write_program, write_yaml
from spnl.codec.names import OTHERS, ROLES, STRUCTURES
from spnl.diagnostics import render, render_json
from spnl.errors import ProgramError
from spnl.query import Query
from spnl.source import Source

ROOT = Path(__file__).parents[2]


def try_one(data: bytes, folder: Path) -> None:
    """Read bytes as JSON and as YAML; carry what they hold to the other formats and back."""
    for name, read in (("q.json", read_json), ("q.yaml", read_yaml)):
        try:
            source = Source.from_bytes(name, data, str(folder))
            query = read(source)
        except ProgramError as error:
            if error.span is not None:
                assert 0 <= error.span.start <= error.span.end <= len(error.span.source.text)
            assert render(error, color=False)
            render_json(error)
        else:
            _carry(query)


def _carry(query: Query) -> None:
    in_json, in_yaml = write_json(query), write_yaml(query)
    assert read_json(Source("j", in_json)) == query, "another query in JSON"
    assert read_yaml(Source("y", in_yaml)) == query, "another query in YAML"
    try:
        program = write_program(query)
    except ProgramError as error:
        assert error.id == "not-in-program", error.id
        return
    try:
        again = expand(Source("p", program))
    except ProgramError as error:
        assert error.id in ("empty-input", "too-deep"), (error.id, program)
        return
    assert write_json(again) == in_json, f"another query as a program: {program}"


def seeds() -> Iterator[bytes]:
    """The tests' own queries, and each of them in the other format."""
    for file in sorted((ROOT / "tests" / "codec").rglob("*.*")):
        if file.suffix in (".json", ".yaml"):
            yield file.read_bytes()
    for file in (ROOT / "examples").glob("*.spnl"):
        with contextlib.suppress(ProgramError):
            query = expand(Source.from_file(file))
            yield write_json(query).encode()
            yield write_yaml(query).encode()


def words() -> Iterator[bytes]:
    """The keys of queries, and what YAML and JSON are made of."""
    keys = ("model", "input", "inputs", "max_tokens", "temperature", "n", "metadata", "query", "generate")
    for key in (*ROLES, *STRUCTURES, *OTHERS.values(), *keys):
        yield f'"{key}":'.encode()
        yield f"{key}: ".encode()
    yield from (
        b"- ",
        b"--- ",
        b"...",
        b"&a ",
        b"*a",
        b"!!str ",
        b"|2\n",
        b"? ",
        b"<<",
        b"%YAML 1.2\n",
        b"null",
    )
    yield from (
        b"NaN",
        b"1e999",
        b"\\ud800",
        b"\\x07",
        b"\xe2\x80\xa8",
        b"\xc2\x85",
        b"0x1F",
        b"1_0",
        b"true",
    )


_WORDS = sorted(set(words()))


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """A query with a run of bytes lost, doubled, moved, or replaced with a word."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 3)):
        start = chance.randint(0, len(data))
        end = min(len(data), start + chance.choice((0, 1, 4, 16, 64)))
        other = chance.randint(0, len(data))
        new = (b"", data[start:end] * 2, data[other : other + end - start], chance.choice(_WORDS))
        data = data[:start] + chance.choice(new) + data[end:]
    return data[:most]
