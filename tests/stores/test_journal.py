"""The journal: what is finished is never lost and never generated again, and no other file is touched."""

from __future__ import annotations

import itertools
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from invoking import invoke, process_environment
from recording import RecordedObserver, run, texts
from scripted import ScriptedEngine, ScriptedModels, echo

import spnl
from spnl.backends.base import Chunk, Request
from spnl.errors import GenerationError
from spnl.stores.journal import HEADER, Journal


def drawing() -> Callable[[Request], str]:
    """A script that says the last message and how many replies it has made: no two draws are equal."""
    count = itertools.count()
    return lambda request: f"{echo(request)}{next(count)}"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where a journal will be."""
    return tmp_path / "run.journal"


def ignore(note: str) -> None: ...


def opened(path: Path) -> Journal:
    return Journal(path, ignore)


def test_a_journalled_run_is_run_again_without_a_model(journal: Path) -> None:
    """Replies at temperature 0, draws, thought, finish reasons and usage; not even a model is loaded."""

    def script(request: Request) -> Any:
        return [Chunk(thought="hm"), "so"] if echo(request) == "think" else "a b c"

    program = '(seq (repeat 3 (g "x")) (g "y" (temperature 0) (max-tokens 2)) (map "think" "z") (g (g "w")))'
    first = run(program, ScriptedEngine(script), journal=journal)
    models = ScriptedModels(ScriptedEngine(script))
    observer = RecordedObserver()
    again = run(program, models=models, journal=journal, observer=observer)
    assert again.text == first.text
    assert (models.loaded, models.engine.asked, observer.loads) == ([], [], [])
    timeless = {"reused": None, "first_token": 0, "total": 0, "asked": 0, "waited": 0}
    plain = [reply.but(**timeless) for reply in first.replies]
    assert [reply.but(**timeless) for reply in again.replies] == plain
    assert {reply.reused for reply in first.replies} == {None}
    assert {reply.reused for reply in again.replies} == {"journal"}
    assert [reply.text for reply in observer.replies] == [reply.text for reply in again.replies]


def test_draws_stay_what_they_were_and_more_can_be_had(journal: Path) -> None:
    script = drawing()
    first = run('(repeat 3 (g "x"))', ScriptedEngine(script), journal=journal)
    engine = ScriptedEngine(script)
    more = run('(repeat 5 (g "x"))', engine, journal=journal)
    assert texts(more) == [*texts(first), "x3", "x4"]
    assert len(engine.asked) == 2


def test_a_changed_program_reuses_what_is_unchanged(journal: Path) -> None:
    script = drawing()
    first = run('(par (g "a") (g (g "b")) (g "c"))', ScriptedEngine(script), journal=journal)
    engine = ScriptedEngine(script)
    changed = run('(par (g "new") (g (g "b")) (g "c" (top-k 5)) (g "a"))', engine, journal=journal)
    assert texts(changed)[1] == texts(first)[1]
    assert texts(changed)[3] == texts(first)[0]
    assert engine.asked == ["new", "c"]


@pytest.mark.parametrize("numbers", [("0", "0.0"), ("1", "1.0")])
def test_equal_numbers_are_the_same(journal: Path, numbers: tuple[str, str]) -> None:
    engine = ScriptedEngine()
    for number in numbers:
        run(f'(g "x" (temperature {number}))', engine, journal=journal)
    assert len(engine.asked) == 1


@pytest.mark.parametrize(
    "other",
    ['(g (system "x"))', '(g "x" (max-tokens 9))', '(g "x" (stop "1"))', '(g "x" (model "m"))', '(g "x ")'],
)
def test_what_differs_in_anything_is_another(journal: Path, other: str) -> None:
    engine = ScriptedEngine()
    for program in ('(g "x")', other):
        run(program, engine, journal=journal)
    assert len(engine.asked) == 2


def test_a_model_is_known_by_what_it_is_and_not_by_its_name(journal: Path) -> None:
    class Changing(ScriptedModels):
        files = "old"

        def identity(self, model: str, notify: Callable[[str], None]) -> str:
            return self.files

    models = Changing(ScriptedEngine())
    run('(g "x" (model "one"))', models=models, journal=journal)
    run('(g "x" (model "another"))', models=models, journal=journal)
    assert len(models.engine.asked) == 1
    models.files = "new"
    run('(g "x" (model "one"))', models=models, journal=journal)
    assert len(models.engine.asked) == 2


def test_a_model_that_cannot_be_had_is_an_error_at_its_place(journal: Path) -> None:
    models = ScriptedModels(ScriptedEngine(), faults={"none": spnl.ModelError("no-such-model", "none")})
    with pytest.raises(spnl.ModelError) as caught:
        run('(g "x" (model "none"))', models=models, journal=journal)
    assert caught.value.span is not None
    assert run('(try (g "x" (model "none")) "no")', models=models, journal=journal).text == "no"


@pytest.mark.parametrize("fault", [GenerationError("engine-failed", "it broke"), KeyboardInterrupt()])
def test_a_run_that_failed_continues(journal: Path, fault: BaseException) -> None:
    """What was finished is kept; what failed, or was under way, is asked again, as the draw that it was."""

    def script(request: Request) -> Any:
        if echo(request) == "3" and engine is broken:
            raise fault
        return said(request)

    said = drawing()
    program = '(seq (map "1" "2" "3" "4") (repeat 2 (g "5")))'
    engine = broken = ScriptedEngine(script)
    with pytest.raises(type(fault)):
        run(program, broken, journal=journal)
    engine = ScriptedEngine(script)
    answer = run(program, engine, journal=journal)
    assert texts(answer) == ["10", "21", "32", "43", "54", "55"]
    assert engine.asked == ["3", "4", "5", "5"]


def test_asking_again_after_a_failure_is_still_the_same_draw(journal: Path) -> None:
    failures = iter([True, False])

    def script(request: Request) -> str:
        if next(failures):
            raise GenerationError("engine-failed", "it broke")
        return "said"

    assert (
        texts(run('(seq (try (g "x") "no") (g "x"))', ScriptedEngine(script), journal=journal))[1] == "said"
    )
    engine = ScriptedEngine()
    assert run('(g "x")', engine, journal=journal).text == "said"
    assert engine.asked == []


def test_a_file_that_ends_anywhere_is_taken_up(journal: Path) -> None:
    """Cut at every byte: every whole line counts, and what is added makes the file whole again."""
    program = '(map "a" "b" "é\\n")'
    answer = run(program, ScriptedEngine(drawing()), journal=journal)
    data = journal.read_bytes()
    assert data.startswith(HEADER)
    for cut in range(len(data)):
        journal.write_bytes(data[:cut])
        # A last line that lacks its end only is whole.
        whole = max(data[: cut + 1].count(b"\n") - 1, 0)
        store = opened(journal)
        assert len(store._kept) == whole
        store.close()
        engine = ScriptedEngine(drawing())
        again = run(program, engine, journal=journal)
        assert len(engine.asked) == 3 - whole
        assert texts(again)[:whole] == texts(answer)[:whole]
        lines = journal.read_bytes().splitlines(keepends=True)
        assert len(lines) == 4 and lines[: whole + 1] == data.splitlines(keepends=True)[: whole + 1]


LINE = json.dumps(
    {"key": "0" * 64, "draw": 0, "text": "", "thought": "", "reason": "stop", "usage": [1, 0, 1]}
)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"shopping list\n", "is not a journal"),
        (b"x", "is not a journal"),
        (b'{"spnl": "journal", "version": 2}\n', "is not a journal"),
        (b"\0" * 4096, "is not a journal"),
        (HEADER + b"{}\n", "damaged in line 2"),
        (HEADER + b"[]\n" + LINE.encode() + b"\n", "damaged in line 2"),
        (HEADER + LINE.encode() + b"\n\n", "damaged in line 3"),
        (HEADER + LINE.replace("stop", "tired").encode() + b"\n", "damaged in line 2"),
        (HEADER + LINE.replace('"draw": 0', '"draw": -1').encode() + b"\n", "damaged in line 2"),
        (HEADER + LINE.replace('"0000', '"../0').encode() + b"\n", "damaged in line 2"),
        (HEADER + b"[" * 100_000 + b"\n", "damaged in line 2"),
        (HEADER + b"\xff\n", "damaged in line 2"),
    ],
)
def test_what_is_no_journal_is_refused_and_left_as_it_is(journal: Path, data: bytes, what: str) -> None:
    journal.write_bytes(data)
    with pytest.raises(spnl.UsageError, match=what) as caught:
        run('(g "x")', journal=journal)
    assert (caught.value.id, journal.read_bytes()) == ("bad-journal", data)


@pytest.mark.parametrize("path", ["/", "/dev/null", "/nowhere/at/all", "nul\0"])
def test_what_is_no_file_is_refused(path: str) -> None:
    with pytest.raises(spnl.UsageError) as caught:
        run('(g "x")', journal=path)
    assert caught.value.id == "bad-journal"


def test_a_journal_is_refused_before_any_work(journal: Path) -> None:
    journal.write_bytes(b"shopping list")
    engine = ScriptedEngine()
    with pytest.raises(spnl.UsageError):
        run('(seq (print "shown") (g "x"))', engine, journal=journal)
    assert engine.asked == []


def test_one_run_at_a_time_has_a_journal(journal: Path) -> None:
    """Of this process or of another; afterwards the next can have it, also when the first was killed."""
    first = opened(journal)
    with pytest.raises(spnl.UsageError) as caught:
        run('(g "x")', journal=journal)
    assert caught.value.id == "journal-in-use"
    first.close()
    holding = (
        "import sys; from spnl.stores.journal import Journal; "
        "j = Journal(sys.argv[1], print); print('open', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(journal)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=process_environment(),
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        with pytest.raises(spnl.UsageError) as caught:
            run('(g "x")', journal=journal)
        assert caught.value.id == "journal-in-use"
        other.kill()
    assert run('(g "x")', journal=journal).text == "x"


def test_a_journal_is_private(journal: Path) -> None:
    before = os.umask(0)
    try:
        run('(g "secret question")', ScriptedEngine(lambda _: "said"), journal=journal)
    finally:
        os.umask(before)
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    assert b"secret" not in journal.read_bytes()


def test_what_cannot_be_written_is_an_error_and_harms_nothing(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full in the middle of a line."""
    run('(g "a")', journal=journal)
    data = journal.read_bytes()
    write = os.write
    calls = itertools.count()

    def full(file: int, piece: Any) -> int:
        if next(calls) == 0:
            return write(file, bytes(piece)[:10])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("spnl.stores.journal.os.write", full)
        with pytest.raises(GenerationError, match="no space left") as caught:
            run('(seq (g "a") (g "b"))', journal=journal)
    assert caught.value.id == "journal-failed"
    assert journal.read_bytes() == data


def test_replies_are_made_to_last_together(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One call for many replies, and one at the end, also of a run that fails."""
    synced: list[int] = []
    sync = os.fsync
    monkeypatch.setattr("spnl.stores.journal.os.fsync", lambda file: synced.append(file) or sync(file))
    run('(repeat 100 (g "a"))', journal=journal)
    assert len(synced) == 1
    monkeypatch.setattr("spnl.stores.journal.SYNC_SECONDS", 0)
    run('(repeat 103 (g "a"))', journal=journal)
    assert len(synced) == 4


def test_the_command(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--journal", str(journal), "--output", "jsonl", "-c", '(repeat 2 (g "a"))']
    first, again = (invoke(monkeypatch, words) for _ in range(2))
    assert "journal" not in first.err
    assert "holds 2 replies" in again.err
    records = [json.loads(line) for line in again.out.splitlines()]
    assert [record.pop("reused") for record in records] == ["journal", "journal"]
    assert records == [json.loads(line) for line in first.out.splitlines()]


def test_on_the_real_engine(journal: Path) -> None:
    """Draws of a model come back, in a process that loads none."""
    program = '(repeat 3 (g "Suggest a name for a cat." (temperature 1)))'
    first = spnl.run(program, journal=journal)
    run_it = "import sys, spnl; print(spnl.run(sys.argv[1], journal=sys.argv[2]))"
    code = f"{run_it}; print('mistralrs' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", code, program, str(journal)],
        capture_output=True,
        text=True,
        check=True,
        env=process_environment(),
    )
    assert ran.stdout == f"{first.text}\nFalse\n"
