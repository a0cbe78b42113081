"""The process's own streams: what closes early, what is closed from the start, bytes and locales."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from invoking import Gated, command, invoke, process_environment, run_process

PARIS = '(generate (input "What is the capital of France?") (temperature 0))'


def shell(line: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of shell in which `spnl` is the command."""
    spnl = " ".join(command())
    return subprocess.run(
        ["bash", "-c", f'spnl() {{ {spnl} "$@"; }}; {line}'],
        capture_output=True, check=False, timeout=60, env=process_environment(**env),
    )  # fmt: skip


def test_the_first_command_says_paris_through_a_pipe() -> None:
    """On the real engine: the answer alone on stdout, one newline, no escape byte; the notice on stderr."""
    ran = run_process("-c", PARIS)
    assert ran.code == 0, ran.err
    assert b"Paris" in ran.out
    assert ran.out.endswith(b"\n") and ran.out.count(b"\n") == 1
    assert b"\x1b" not in ran.out
    (notice,) = ran.err.splitlines()
    assert notice.startswith("spnl: no model is named: using `tiny`")


def test_the_same_bytes_come_without_streaming() -> None:
    streamed = run_process("-q", "-c", PARIS)
    at_the_end = run_process("-q", "-c", PARIS, env={"MISTRALRS_NO_STREAM": "1"})
    assert streamed == at_the_end
    assert streamed.err == ""


def test_engine_logs_never_reach_stdout() -> None:
    """Also where stderr is closed: no other file may then stand in its place."""
    ran = run_process("-c", PARIS, env={"MISTRALRS_VERBOSE": "1"})
    assert ran.out == run_process("-c", PARIS).out
    assert len(ran.err.splitlines()) > 1
    closed = shell(f"spnl -c '{PARIS}' 2>&-", MISTRALRS_VERBOSE="1")
    assert (closed.stdout, closed.returncode) == (ran.out, 0)


def test_a_reply_goes_through_a_pipe_piece_by_piece() -> None:
    """The first piece is out while the model has not said the second."""
    with Gated("-m", "m", "-c", '(g "one|two")') as gated:
        assert os.read(gated.stdout.fileno(), 100) == b"one"
        gated.open()
        assert gated.stdout.read() == b"two\n"
        assert gated.process.wait(60) == 0


def test_without_streaming_nothing_is_out_before_the_end() -> None:
    """The pipe is empty when the model has said all but the last piece."""
    with Gated("-m", "m", "--no-stream", "-vv", "-c", '(seq (g "one|two") (g "last|piece"))') as gated:
        gated.open()
        while b"last" not in gated.stderr.readline():
            pass
        os.set_blocking(gated.stdout.fileno(), False)
        assert gated.stdout.read() is None
        os.set_blocking(gated.stdout.fileno(), True)
        gated.open()
        assert gated.process.communicate(timeout=60)[0] == b"onetwo\nlastpiece\n"


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    """`| head -c1`: exit 141, and not a word on stderr."""
    (tmp_path / "long.spnl").write_text('(print "' + "x" * 1_000_000 + '")')
    ran = shell(f"spnl {tmp_path / 'long.spnl'} | head -c1; exit ${{PIPESTATUS[0]}}")
    assert (ran.stdout, ran.stderr, ran.returncode) == (b"x", b"", 141)


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "nul"])
def test_a_reader_that_was_never_there_ends_it_quietly(form: str) -> None:
    read, write = os.pipe()
    os.close(read)
    ran = subprocess.run(
        command("--output", form, "-c", '(user "a")'),
        stdout=write, stderr=subprocess.PIPE, check=False, timeout=60, env=process_environment(),
    )  # fmt: skip
    os.close(write)
    assert (ran.stderr, ran.returncode) == (b"", 141)


def test_a_reader_that_goes_away_while_a_model_talks_ends_it_quietly() -> None:
    with Gated("-m", "m", "-c", '(g "one|two|three|four")') as gated:
        assert os.read(gated.stdout.fileno(), 100) == b"one"
        gated.stdout.close()
        gated.open(3)
        assert gated.process.wait(60) == 141
        assert gated.stderr.read() == b""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("options", ["", "--output json", "-o /dev/full"])
def test_a_full_disk_is_an_error_and_no_traceback(options: str) -> None:
    ran = shell(f"spnl {options} -c '(user \"a\")' > /dev/full")
    assert ran.returncode in (1, 2), ran.stderr
    assert b"error[" in ran.stderr and b"no space" in ran.stderr
    assert b"Traceback" not in ran.stderr


def test_a_closed_stdin_is_no_obstacle() -> None:
    ran = shell("spnl -c '(user \"a\")' <&-")
    assert (ran.stdout, ran.stderr, ran.returncode) == (b"a\n", b"", 0)


@pytest.mark.parametrize("arguments", ["", "-"])
def test_a_program_from_a_closed_stdin_is_an_error(arguments: str) -> None:
    ran = shell(f"spnl {arguments} <&-")
    assert ran.returncode == 2
    assert ran.stderr.startswith(b"error[bad-option]: there is no program")


@pytest.mark.parametrize(
    ("program", "code"), [('(user "a")', 0), ("(seq", 3), ('(g "a" (model "./no.gguf"))', 4)]
)
def test_closed_output_streams_leave_the_exit_code(program: str, code: int, tmp_path: Path) -> None:
    """Who closes a stream does not want to read it; what came of the run is still told."""
    assert shell(f"spnl -c '{program}' 2>&-").returncode == code
    (tmp_path / "p.spnl").write_text(program)
    for name in ("check", "plan", "convert -m tiny"):
        seen = shell(f"spnl {name} {tmp_path / 'p.spnl'} >&-")
        assert seen.returncode in (0, 3) and b"Traceback" not in seen.stderr, seen.stderr
    assert shell("spnl list >&-").returncode == shell("spnl config >&-").returncode == 0
    ran = shell(f"spnl -c '{program}' >&-")
    assert ran.returncode == code
    assert b"Traceback" not in ran.stderr


def test_output_is_utf_8_whatever_the_locale() -> None:
    plain = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = run_process("-c", '(user "Gr\\u{fc}\\u{df}e \\u{1f600}")', env=plain)
    assert (ran.out.decode("utf-8"), ran.err, ran.code) == ("Grüße \U0001f600\n", "", 0)
    wrong = run_process("-c", '(user "\\u{1f600}" (nope))', env=plain)
    assert wrong.code == 3
    assert "nope" in wrong.err


def test_half_a_character_in_a_text_is_not_written_as_it_is() -> None:
    """A program cannot write one; whatever brings one along does not end in a traceback."""
    ran = run_process("-D", "a=\udce9", "-c", '(user (arg "a"))')
    assert ran.code in (0, 2, 3)
    assert "Traceback" not in ran.err
    ran.out.decode("utf-8")


@pytest.mark.parametrize("data", [b'(user "\xe9")', b"\xff\xfe(\x00u\x00"])
def test_a_program_that_is_not_utf_8(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "demo.spnl"
    path.write_bytes(data)
    for args, stdin in (([str(path)], b""), (["-"], data)):
        ran = invoke(monkeypatch, args, stdin=stdin)
        assert (ran.out, ran.code) == (b"", 3)
        assert ran.err.startswith("error[not-utf-8]")


def test_an_argument_that_is_not_utf_8() -> None:
    ran = run_process("-c", '(user "\udce9")')
    assert (ran.out, ran.code) == (b"", 3)
    assert ran.err.startswith("error[")


def test_help_goes_to_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    general, of_run = invoke(monkeypatch, ["--help"]), invoke(monkeypatch, ["run", "--help"])
    assert (general.code, general.err, of_run.code, of_run.err) == (0, "", 0, "")
    for command_name in ("run",):
        assert command_name in general.out.decode()
    for option in ("-c", "-D", "--model", "--temperature", "--max-tokens", "--think", "--no-think", "--color",
                   "--no-stream", "--output", "-o", "-q", "-v"):  # fmt: skip
        assert option in of_run.out.decode(), option


def test_without_anything_on_a_terminal_a_session_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = invoke(monkeypatch, [], stdin=b'(g "hello there")\n', terminal=True)
    assert (b"hello there" in ran.out, ran.code) == (True, 0)
    assert ":help says what can be typed" in ran.err


def test_an_error_of_ours_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one place for a traceback: a bug, with the request to report it."""

    def broken(request: object) -> str:
        raise ZeroDivisionError("ours")

    ran = invoke(monkeypatch, ["-m", "m", "-c", '(g "a")'], script=broken)
    assert (ran.out, ran.code) == (b"", 70)
    assert "ZeroDivisionError: ours" in ran.err and "report" in ran.err


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["-c"], "-c"),
        (["-c", "1", "--model"], "--model"),
        (["a.spnl", "b.spnl"], "b.spnl"),
        (["--max-tokens", "0", "-c", "1"], "--max-tokens"),
        (["--max-tokens", "many", "-c", "1"], "many"),
        (["--color=sometimes", "-c", "1"], "always"),
        (["--output", "xml", "-c", "1"], "jsonl"),
        (["--quiet=yes", "-c", "1"], "--quiet"),
    ],
)
def test_a_command_line_that_click_refuses(
    args: list[str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In click's words, which may change from version to version, but drawn and counted as ours."""
    ran = invoke(monkeypatch, args)
    assert (ran.out, ran.code) == (b"", 2)
    assert ran.err.startswith("error[bad-option]: ") and named in ran.err.splitlines()[0]
    assert "\n  = help: see `spnl" in ran.err
