"""`spnl convert`, and query files that are run as programs are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from invoking import invoke

QUERY = {"g": {"model": "m", "input": {"seq": [{"system": "s"}, {"user": "hi"}]}}}
JSON = json.dumps(QUERY, indent=2) + "\n"
YAML = """\
g:
  model: "m"
  input:
    seq:
    - system: "s"
    - user: "hi"
"""
PROGRAM = '(g (model "m") (input (seq (system "s") (user "hi"))))\n'
TEXTS = {"json": JSON, "yaml": YAML, "spnl": PROGRAM}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with the same query in each format."""
    monkeypatch.chdir(tmp_path)
    for form, text in TEXTS.items():
        (tmp_path / f"query.{form}").write_text(text, encoding="utf-8")
    return tmp_path


def convert(monkeypatch: pytest.MonkeyPatch, *args: str, stdin: str = "", code: int = 0) -> str:
    """What `spnl convert` writes to stdout or, where it fails, to stderr."""
    ran = invoke(monkeypatch, ["convert", *args], stdin=stdin.encode())
    assert ran.code == code, ran.err
    assert not (ran.out and ran.err)
    return ran.err or ran.out.decode()


@pytest.mark.parametrize("given", TEXTS)
@pytest.mark.parametrize("wanted", TEXTS)
def test_each_format_to_each_other(monkeypatch: pytest.MonkeyPatch, given: str, wanted: str) -> None:
    if (given, wanted) == ("spnl", "spnl"):
        error = convert(monkeypatch, "query.spnl", "--to", "spnl", code=2)
        assert "a program is converted to JSON or YAML" in error
        return
    assert convert(monkeypatch, f"query.{given}", "--to", wanted) == TEXTS[wanted]
    stdin = convert(monkeypatch, "-", "--from", given, "--to", wanted, stdin=TEXTS[given])
    assert stdin == TEXTS[wanted]


def test_the_usual_direction_needs_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    assert convert(monkeypatch, "query.spnl") == JSON
    assert convert(monkeypatch, "query.json") == PROGRAM
    assert convert(monkeypatch, "query.yaml") == PROGRAM


@pytest.mark.parametrize(
    ("target", "text"), [("out.yml", YAML), ("out.YAML", YAML), ("out.json", JSON), ("out.txt", JSON)]
)
def test_the_name_of_the_output_says_what_to_write(
    monkeypatch: pytest.MonkeyPatch, folder: Path, target: str, text: str
) -> None:
    assert convert(monkeypatch, "query.spnl", "-o", target) == ""
    assert (folder / target).read_text(encoding="utf-8") == text
    assert convert(monkeypatch, "query.json", "-o", "out.spnl") == ""
    assert (folder / "out.spnl").read_text(encoding="utf-8") == PROGRAM
    assert "not to a program" in convert(monkeypatch, "query.spnl", "-o", "out.spnl", code=2)


def test_an_output_is_whole_or_not_written(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "bad.spnl").write_text('(if (= (g "a") "b") "c")', encoding="utf-8")
    assert "not-in-json" in convert(monkeypatch, "bad.spnl", "-o", "out.json", code=3)
    assert not (folder / "out.json").exists()
    assert "bad-output" in convert(monkeypatch, "query.json", "-o", "none/out.spnl", code=2)


def test_definitions_are_those_of_the_program(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "arg.spnl").write_text('(user (arg "who"))', encoding="utf-8")
    assert json.loads(convert(monkeypatch, "arg.spnl", "-D", "who=Ada")) == {"user": "Ada"}
    assert "missing-definition" in convert(monkeypatch, "arg.spnl", code=3)


def test_a_model_can_be_put_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "none.spnl").write_text('(g "a")', encoding="utf-8")
    error = convert(monkeypatch, "none.spnl", code=3)
    assert error == (
        "error[not-in-json]: JSON cannot carry a generation without a model\n"
        " --> none.spnl:1:1\n"
        "  |\n"
        '1 | (g "a")\n'
        "  | ^^^^^^^\n"
        '  = help: name it in the program: `(model "NAME")`\n'
        "  = help: or name one for all of it: `--model NAME`\n"
    )
    assert json.loads(convert(monkeypatch, "none.spnl", "-m", "n"))["g"]["model"] == "n"
    assert '(model "n")' in convert(monkeypatch, "query.json", "-m", "n")


def test_stdin_has_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "say it with --from" in convert(monkeypatch, "-", code=2)


def test_a_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no-such-file" in convert(monkeypatch, "none.json", code=3)


@pytest.mark.parametrize("args", [["query.json"], ["run", "query.yaml"], ["run", "-f", "query.json"]])
def test_query_files_run(monkeypatch: pytest.MonkeyPatch, args: list[str]) -> None:
    assert invoke(monkeypatch, args).out == b"hi\n"


def test_templates_in_a_query_are_texts(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Upstream fills in `{model}` and others before it reads a file, also where a text says it."""
    text = json.dumps({"g": {"model": "{model}", "input": {"user": "{n} {model} {}"}}})
    (folder / "braces.json").write_text(text, encoding="utf-8")
    assert invoke(monkeypatch, ["braces.json"]).out == b"{n} {model} {}\n"


def test_errors_in_a_query_have_their_place(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """While it is read, exit 3 as for any program; and while it runs."""
    (folder / "bad.json").write_text('{"seq": [\n  {"user": 3}\n]}', encoding="utf-8")
    ran = invoke(monkeypatch, ["run", "-f", "bad.json"])
    assert (ran.code, ran.out) == (3, b"")
    assert "--> bad.json:2:12" in ran.err
    (folder / "empty.json").write_text('{"g": {"model": "m",\n  "input": {"seq": []}}}', encoding="utf-8")
    ran = invoke(monkeypatch, ["empty.json"])
    assert "--> empty.json:2:12" in ran.err and "error[empty-input]" in ran.err
