"""The cache: kept across programs and processes, bounded, private, and never in the way."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from invoking import invoke, process_environment
from recording import RecordedObserver, run, texts
from scripted import ScriptedEngine, ScriptedModels

import spnl
from spnl.backends.base import Usage
from spnl.errors import GenerationError
from spnl.stores import cache as module
from spnl.stores.base import Kept
from spnl.stores.cache import Cache, cache_path, clear, contents


def ignore(note: str) -> None: ...


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def drawing() -> Any:
    count = itertools.count()
    return lambda request: str(next(count))


def kept(text: str) -> Kept:
    return Kept(text, "", "stop", Usage(1, 0, 1))


def test_replies_are_kept_across_programs() -> None:
    script = drawing()
    first = run('(repeat 2 (g "x"))', ScriptedEngine(script), cache=True)
    models = ScriptedModels(ScriptedEngine(script))
    again = run('(seq (g "x") (g "y" (temperature 0)) (g "x"))', models=models, cache=True)
    assert [texts(again)[0], texts(again)[2]] == texts(first)
    assert [reply.reused for reply in again.replies] == ["cache", None, "cache"]
    assert len(models.engine.asked) == 1
    assert run('(g "y" (temperature 0))', ScriptedEngine(script), cache=True).replies[0].reused == "cache"


def test_it_is_off_unless_asked_for(folder: Path) -> None:
    run('(g "x")')
    assert not Path(cache_path()).exists()


def test_failed_replies_are_not_kept() -> None:
    def script(request: Any) -> Any:
        yield "half"
        raise GenerationError("engine-failed", "it broke")

    with pytest.raises(GenerationError):
        run('(g "x")', ScriptedEngine(script), cache=True)
    assert contents(cache_path()).replies == 0


def test_a_journal_and_the_cache_give_each_other_what_one_lacks(tmp_path: Path) -> None:
    journal = tmp_path / "run.journal"
    run('(g "x")', cache=True)
    assert run('(g "x")', cache=True, journal=journal).replies[0].reused == "cache"
    assert run('(g "x")', journal=journal).replies[0].reused == "journal"
    clear(cache_path())
    assert run('(g "x")', cache=True, journal=journal).replies[0].reused == "journal"
    assert run('(g "x")', cache=True).replies[0].reused == "cache"


def test_it_is_private(folder: Path) -> None:
    before = os.umask(0)
    try:
        cache = Cache(cache_path(), ignore)
        cache.keep("k", 0, kept("secret"))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (folder / "spnl").iterdir()}
        cache.close()
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600} and len(modes) == 3
    assert stat.S_IMODE((folder / "spnl").stat().st_mode) == 0o700


def test_what_was_not_used_for_longest_makes_room(folder: Path) -> None:
    limit = 100_000
    cache = Cache(cache_path(), ignore, limit)
    cache.keep("precious", 0, kept("p"))
    for number in range(300):
        cache.keep(f"{number}", 0, kept("x" * 1000))
        if number == 20:
            cache.close()
            cache = Cache(cache_path(), ignore, limit)
            assert cache.find("precious", 0) is not None
            cache.close()
            cache = Cache(cache_path(), ignore, limit)
    cache.close()
    cache = Cache(cache_path(), ignore, limit)
    found = [number for number in range(300) if cache.find(str(number), 0)]
    assert found == list(range(300 - len(found), 300)) and 60 <= len(found) <= 90
    cache.close()
    assert contents(cache_path()).size < 1.5 * limit
    cache = Cache(cache_path(), ignore, limit)
    assert cache.find("precious", 0) is None


def test_use_counts_as_use(folder: Path) -> None:
    """What was used in a later run stays, and what was kept after it goes."""
    cache = Cache(cache_path(), ignore, 100_000)
    for number in range(50):
        cache.keep(str(number), 0, kept("x" * 1000))
    cache.close()
    cache = Cache(cache_path(), ignore, 100_000)
    assert cache.find("0", 0)
    cache.close()
    cache = Cache(cache_path(), ignore, 60_000)
    cache.keep("last", 0, kept("x" * 1000))
    cache.keep("more", 0, kept("x" * 5000))
    cache.close()
    cache = Cache(cache_path(), ignore)
    assert cache.find("0", 0) and cache.find("more", 0) and not cache.find("1", 0)
    cache.close()


def test_two_processes_use_it_at_once(folder: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests'); from recording import run\n"
        "from scripted import ScriptedEngine\n"
        "inputs = ' '.join(f'\"{sys.argv[1]} {n}\"' for n in range(300))\n"
        "answer = run(f'(map {inputs} \"shared\")', ScriptedEngine(), cache=True)\n"
        "print(len(answer.parts))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, name],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=process_environment(),
            cwd=Path(__file__).parents[2],
        )
        for name in "ab"
    ]
    assert [process.communicate(timeout=60) for process in processes] == [(b"301\n", b"")] * 2
    assert contents(cache_path()).replies == 601


@pytest.mark.parametrize("data", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_cache_is_an_error_until_it_is_cleared(
    folder: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(cache_path())
    path.parent.mkdir()
    path.write_bytes(data)
    with pytest.raises(spnl.UsageError) as caught:
        run('(g "x")', cache=True)
    assert caught.value.id == "bad-cache"
    assert invoke(monkeypatch, ["cache", "info"]).code == 2
    assert invoke(monkeypatch, ["cache", "clear"]).code == 0
    assert run('(g "x")', cache=True).text == "x"


def test_a_reply_that_was_damaged_is_asked_again(folder: Path) -> None:
    run('(g "x")', cache=True)
    with sqlite3.connect(cache_path()) as database:
        database.execute("UPDATE replies SET reply = '[]'")
    database.close()
    assert run('(g "x")', cache=True).replies[0].reused is None
    assert run('(g "x")', cache=True).replies[0].reused == "cache"


def test_a_cache_that_fails_in_the_middle_is_given_up(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run goes on, and says so once."""
    observer = RecordedObserver(on_reply=lambda reply: destroy())

    def destroy() -> None:
        with sqlite3.connect(cache_path()) as database:
            database.execute("DROP TABLE IF EXISTS replies")
        database.close()

    answer = run('(seq (g "a") (g "b") (g "c"))', cache=True, observer=observer)
    assert texts(answer) == ["a", "b", "c"]
    assert [note for note in observer.notices if "cache" in note] == [
        f"the cache {cache_path()} is not used any more: no such table: replies"
    ]


def test_a_folder_that_cannot_be_written_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "spnl").write_text("a file")
    with pytest.raises(spnl.UsageError) as caught:
        run('(g "x")', cache=True)
    assert caught.value.id == "bad-cache"


def test_what_is_cleared_is_gone_from_the_disk(folder: Path) -> None:
    run('(map "1" "2" "3")', ScriptedEngine(lambda _: "secret" * 20_000), cache=True)
    assert contents(cache_path()).size > 300_000
    clear(cache_path())
    assert contents(cache_path()).size < 100_000
    for file in (folder / "spnl").iterdir():
        assert b"secret" not in file.read_bytes()


def test_the_commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = invoke(monkeypatch, ["cache"])
    assert empty.out.decode() == f"{cache_path()}\n0 replies, 0 B of at most 500.0 MB\n"
    assert invoke(monkeypatch, ["cache", "clear"]).code == 0
    assert not Path(cache_path()).exists()
    invoke(monkeypatch, ["--cache", "-c", '(g "secretly")'])
    again = invoke(monkeypatch, ["--cache", "--output", "json", "-c", '(g "secretly")'])
    assert json.loads(again.out)[0]["reused"] == "cache"
    assert "1 reply, " in invoke(monkeypatch, ["cache", "info"]).out.decode()
    found = json.loads(invoke(monkeypatch, ["cache", "info", "--json"]).out)
    assert (found["path"], found["replies"], found["limit"]) == (cache_path(), 1, module.LIMIT)
    invoke(monkeypatch, ["cache", "clear"])
    assert contents(cache_path()).replies == 0
    assert invoke(monkeypatch, ["cache", "empty"]).code == 2
