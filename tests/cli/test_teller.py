"""What a run tells on stderr beside its notices, and what it must leave alone."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator

import pytest
from invoking import invoke
from scripted import ScriptedEngine, ScriptedModels

from spnl.backends import pool
from spnl.backends.base import Chunk, Finish, Request, Usage
from spnl.console import Console
from spnl.executor.results import Load
from spnl.teller import Teller


@pytest.fixture
def teller() -> Teller:
    return Teller(Console("never"), 0)


@pytest.fixture(autouse=True)
def handler() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_kills_while_a_model_loads_and_only_then(teller: Teller) -> None:
    """The engine holds Python's lock while it loads, so Python would not see Ctrl-C."""
    before = signal.getsignal(signal.SIGINT)
    with teller.loading("m", None):
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(ValueError, match="bad"), teller.loading("m", None):
        raise ValueError("bad")
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_that_is_ignored_stays_ignored(teller: Teller) -> None:
    """As of a command that a shell runs in the background: Ctrl-C is for another."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with teller.loading("m", None):
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_another_thread_may_load(teller: Teller) -> None:
    """Only the main thread may say what a signal does."""
    failed: list[BaseException] = []

    def load() -> None:
        try:
            with teller.loading("m", None):
                pass
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    thread.join(20)
    assert failed == []


def test_what_loads_is_told_before_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller(Console("never"), 0)
    with teller.loading("m", "big.gguf (1.2 GB)"):
        assert capsys.readouterr().err == "spnl: loading big.gguf (1.2 GB)\n"
    teller.loaded(Load("m", 0.0, 1.234))
    assert capsys.readouterr().err == "spnl: loaded m in 1.23 s\n"


def test_what_loads_quickly_is_not_told(teller: Teller, capsys: pytest.CaptureFixture[str]) -> None:
    with teller.loading("m", None):
        pass
    teller.loaded(Load("m", 0.0, 0.1))
    assert capsys.readouterr().err == ""


def test_controls_are_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the model's words on stdout, and in messages, prompts and thought on stderr."""
    ran = invoke(monkeypatch, ["-m", "m", "-vv", "--color=never", "-c", '(g "!colours")'], terminal=True)
    assert ran.out == "^[[31mred^[]0;title^G^Mé\n".encode()
    ran = invoke(monkeypatch, ["-m", "m", "-vv", "-c", '(g (user "!think \\u{1b}[31m"))'], terminal=True)
    assert "user: !think ^[[31m" in ran.err
    assert "\x1b[31m" not in ran.err
    ran = invoke(monkeypatch, ["-m", "a\x1b[31mb", "-v", "-c", '(g "a")'], terminal=True)
    assert "\x1b[31m" not in ran.err


def test_thought_is_dim_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    program = '(g "!think said")'
    ran = invoke(monkeypatch, ["-m", "m", "-c", program], terminal=True)
    assert ran.err == "\x1b[2mso\x1b[0m\x1b[2m then\x1b[0m\n"
    assert ran.out == b"\x1b[32msaid\x1b[0m\n"
    assert invoke(monkeypatch, ["-m", "m", "-q", "-c", program], terminal=True).err == ""


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_without_colours(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    assert invoke(monkeypatch, ["-m", "m", "-c", '(g "a")'], terminal=True).out == b"a\n"
    assert "\x1b" not in invoke(monkeypatch, ["-c", "(sqe)"], terminal=True).err


class Cut(ScriptedEngine):
    """An engine whose replies are a piece of thought or text, cut after seven tokens."""

    def __init__(self, piece: Chunk) -> None:
        super().__init__()
        self.piece = piece

    def stream(self, request: Request) -> Iterator[Chunk | Finish]:
        yield self.piece
        yield Finish("length", Usage(completion_tokens=7))


@pytest.mark.parametrize(
    ("piece", "clause", "told"),
    [
        (Chunk(thought="hm"), "(max-tokens 7)", ["within the thought, at max-tokens 7", "--no-think"]),
        (Chunk("said"), "(max-tokens 7)", ["the reply was cut at max-tokens 7", "--max-tokens N"]),
        (Chunk("said"), "", ["the model's context was full"]),
    ],
)
def test_why_a_reply_was_cut_is_told(
    piece: Chunk, clause: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "POOL", ScriptedModels(Cut(piece)))
    ran = invoke(monkeypatch, ["-m", "m", "-c", f'(g "a" {clause})'], script=None)
    assert ran.code == 0
    assert len(ran.err.splitlines()) == 1
    assert all(words in ran.err for words in told), ran.err


def test_the_streams_of_this_process_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Only the command's own process has its stdout moved; a program that calls `cli.run` keeps its own."""
    console = Console("never")
    console.keep_stdout_to_ourselves()
    assert console.stdout is sys.stdout.buffer
