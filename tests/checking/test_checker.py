"""`spnl check`: every mistake is found, none twice, none where there is none, and nothing is asked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spnl import cli
from spnl.checker import check
from spnl.errors import ProgramError, SpnlError
from spnl.source import Source

EXAMPLES = Path(__file__).parents[2] / "examples"


def found(program: str) -> list[tuple[str, str]]:
    """The ids of the errors of a program, each with the text at its place."""
    return [(error.id, error.span.text if error.span else "") for error in check(Source("t", program)).errors]


def warned(program: str) -> list[str]:
    """The names that a program is warned about."""
    return [error.span.text for error in check(Source("t", program)).warnings if error.span]


@pytest.mark.parametrize(
    ("program", "errors"),
    [
        (
            '(g (temprature 1) "a") (genrate "b")',
            [("unknown-clause", "temprature"), ("unknown-form", "genrate")],
        ),
        ("(seq a (user b c))", [("unbound-name", "a"), ("unbound-name", "b"), ("unbound-name", "c")]),
        ("(seq ,here)", [("bad-atom", ",")]),
        ('"\\q" (seq nowhere)', [("bad-escape", "\\q"), ("unbound-name", "nowhere")]),
        ('(if #t "a" unseen)', [("unbound-name", "unseen")]),
        ('(define (f x) (g (user x y))) "z"', [("unbound-name", "y")]),
        ('(filter (lambda (x) (= x y)) (list "a"))', [("unbound-name", "y")]),
        ('(foreach x (lines (g "a")) (user x y))', [("unbound-name", "y")]),
        ('(and #f (= "a" 1))', [("wrong-type", "1")]),
        ('(try (g "a") unseen)', [("unbound-name", "unseen")]),
        ('(user (file "gone.txt"))', [("no-such-file", '"gone.txt"')]),
        ('(format "{} {}" 1)', [("bad-template", '"{} {}"')]),
        ('(g (model "a b/c") "q")', [("bad-model-name", '(g (model "a b/c") "q")')]),
        ('(g (model (g "which?")) "q")', [("not-known-yet", '(g "which?")')]),
        ("(define (f n) (f n)) (f 1)", [("too-deep", "(f n)")]),
    ],
)
def test_every_mistake_is_found_once(program: str, errors: list[tuple[str, str]]) -> None:
    assert found(program) == errors


@pytest.mark.parametrize(
    "program",
    [
        '(try (user (file "gone.txt")) "nothing")',
        '(let ((m (arg "model"))) (g (model m) "q"))',
        '(g (model (format "mistralrs/{}" (arg "name"))) (max-tokens (number (env "LIMIT"))) "q")',
        '(g (format "{} {}" (ask "who?") (stdin)))',
        '(define (count n) (if (= n 0) "done" (count (- n 1)))) (count 5)',
        '(define (twice x) (user x x)) (g (twice "a"))',
    ],
)
def test_what_is_right_is_not_complained_of(program: str) -> None:
    assert found(program) == []


def test_the_examples_are_clean() -> None:
    for example in EXAMPLES.glob("*.spnl"):
        findings = check(Source.from_file(example))
        assert (findings.errors, findings.warnings) == ([], []), example.name


def test_names_that_are_never_used() -> None:
    assert warned('(define unused 1) (let ((a "x") (b (g "y"))) (user a))') == ["unused", "b"]
    assert warned('(define (f) "x") (let ((a "x")) (seq (f) (format "{a}")))') == []
    assert warned("(define for-others 1)") == []


def test_nothing_is_asked_or_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that nobody writes to would block a check that opened it."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", None)
    assert found('(g (user (file "pipe") (stdin) (ask "who?")))') == []


def test_files_that_cannot_be_read_do_not_hide_others(
    tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    good, bad = tmp_path / "good.spnl", tmp_path / "bad.spnl"
    good.write_text("(seq nowhere)")
    bad.write_bytes(b'"\xff"')
    code = cli.run(["check", str(bad), str(tmp_path / "gone.spnl"), str(good)])
    shown = capfdbinary.readouterr().out.decode()
    assert code == ProgramError.exit_code
    assert [name in shown for name in ("not-utf-8", "no-such-file", "unbound-name")] == [True] * 3
    assert shown.endswith("3 errors, 0 warnings in 3 files\n")


def test_findings_as_data(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    program = tmp_path / "p.spnl"
    program.write_text("(define unused 1)\n(seq nowhere)\n")
    assert cli.run(["check", "--format", "json", str(program)]) == 3
    findings = json.loads(capfdbinary.readouterr().out)
    assert [(f["severity"], f["id"], f["line"], f["column"]) for f in findings] == [
        ("error", "unbound-name", 2, 6),
        ("warning", "unused-name", 1, 9),
    ]
    assert cli.run(["check", "--format", "sarif", str(program)]) == 3
    run = json.loads(capfdbinary.readouterr().out)["runs"][0]
    regions = [result["locations"][0]["physicalLocation"]["region"] for result in run["results"]]
    assert [(region["startLine"], region["endColumn"]) for region in regions] == [(2, 13), (1, 15)]


@given(st.binary(max_size=200) | st.text(alphabet='()"; glet{}ifx1#t\n\\', max_size=80).map(str.encode))
def test_no_bytes_do_anything_else(data: bytes) -> None:
    """Whatever is in a file, `check` has findings of our own, or none."""
    try:
        findings = check(Source.from_bytes("t", data))
    except SpnlError:
        return
    assert all(isinstance(error, SpnlError) for error in findings.errors)


@pytest.mark.parametrize(
    ("imported", "errors"),
    [
        ("(define 5 3)", ["bad-shape"]),
        ("(define x)", ["bad-shape"]),
        ("(define)", ["bad-shape"]),
        ("(define () 3)", ["bad-shape"]),
        ("(define ((f)) 3)", ["bad-shape"]),
        ("(define list 3)", ["reserved-name"]),
        ("(define x nowhere)", ["unbound-name"]),
    ],
)
def test_mistakes_in_what_is_imported(imported: str, errors: list[str], tmp_path: Path) -> None:
    (tmp_path / "other.spnl").write_text(imported)
    findings = check(Source("t", '(import "other.spnl") "a"', str(tmp_path)))
    assert [error.id for error in findings.errors] == errors


def test_an_import_of_what_can_be_no_file() -> None:
    assert found('(import "a\\u{0}b")') == [("unreadable-file", '"a\\u{0}b"')]


@pytest.mark.parametrize(
    "program",
    [
        '(import "gone.spnl") (capital "x") (seq here)',
        '(import "gone.spnl" as p) (p/capital "x")',
        "(define x) (user x)",
        '(define list "a") (user my-list)',
    ],
)
def test_names_that_a_failed_definition_should_have_given_are_no_more_errors(program: str) -> None:
    assert len(found(program)) == 1


@pytest.mark.parametrize(
    "program",
    [
        "(define (f n) (if (= n 0) 1 (+ (f (- n 1)) (f (- n 1))))) (f 60)",
        '(foreach a (range 1000000) (foreach b (range 1000000) "x"))',
        "(foreach a (range 1000000) (nth (list) 0))",
        "(define (f n) (f n) (f (+ n 1))) (f 0)",
    ],
)
def test_a_program_without_end_is_checked_up_to_a_limit(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spnl.checker.MAX_STEPS", 5_000)
    findings = check(Source("t", program + ' (nowhere "x")'))
    assert [warning.id for warning in findings.warnings] == ["not-checked"]
    assert "unknown-form" not in [error.id for error in findings.errors]


def test_what_doubles_at_each_step_is_refused_or_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spnl.limits.MAX_TEXT", 1_000_000)
    monkeypatch.setattr("spnl.limits.MAX_ITEMS", 100_000)

    def doubled(form: str, start: str) -> list[str]:
        program = f"(fold (lambda (a i) {form}) {start} (range 60))"
        return [error.id for error in check(Source("t", program)).errors]

    assert doubled("(concat a a)", '"x"') == ["too-large"]
    assert doubled("(user a a)", '"x"') == ["too-large"]
    assert doubled('(replace a "x" (concat a a))', '"x"') == ["too-large"]
    assert doubled('(join (list a a) ", ")', '"x"') == ["too-large"]
    assert doubled("(append a a)", '(list "x")') == ["too-large"]
    assert doubled("(seq a a)", '"x"') == []
    assert doubled("(list a a)", '"x"') == []


def test_a_list_that_is_ended_with_another_bracket_is_one_error() -> None:
    assert found('(seq (user "a"]\n(user "b"))') == [("bad-atom", "]")]
    assert found('(seq {user "a"})') == [("bad-atom", "{"), ("bad-atom", "}")]
