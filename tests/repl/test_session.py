"""A session without a terminal: entries, state, answers, talk, and errors that never end it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted import echo
from sessions import Typist

import spnl
from spnl.backends.base import Chunk, Request
from spnl.errors import GenerationError


def numbered() -> object:
    """A script whose replies differ: `1: …`, `2: …`."""
    count = iter(range(1, 100))
    return lambda request: f"{next(count)}: {echo(request)}"


@pytest.mark.parametrize(
    ("entry", "shown"),
    [
        ("(+ 1 2)", "3\n"),
        ('"text"', "text\n"),
        ("#t", "#t\n"),
        ("; a comment", ""),
        ("#| a comment |#", ""),
        ("", ""),
        ("  \n ", ""),
        ('(user "a")\n(user "b")', "a\nb\n"),
        ("(list 1 2)", "1\n2\n"),
        ('(print "p")', "p\n"),
    ],
)
def test_code(entry: str, shown: str) -> None:
    typist = Typist()
    assert typist.enter(entry) == shown
    assert typist.console.told == ""
    assert typist.engine.requests == []


def test_definitions_last_and_may_be_made_again() -> None:
    typist = Typist()
    typist.enter("(define x 3)", "(define (f a) (+ a x))")
    assert typist.enter("(f 1)") == "4\n"
    typist.enter("(define x 10)")
    assert typist.enter("(f 1)") == "11\n"


def test_a_lone_name_shows_its_value_and_a_function_how_it_is_called() -> None:
    typist = Typist()
    typist.enter("(define x 3)", "(define (f a b) a)")
    assert typist.enter("x") == "3\n"
    assert typist.enter("f") == "(f a b)\n"
    assert typist.engine.requests == []


def test_what_is_no_code_and_no_name_is_said_to_the_model() -> None:
    typist = Typist()
    assert typist.enter("Hello there") == "Hello there\n"
    assert typist.enter("unbound") == "unbound\n"
    assert typist.engine.asked == ["Hello there", "unbound"]


def test_the_conversation_is_sent_with_each_message() -> None:
    typist = Typist(numbered())
    typist.enter(":system Be brief.", "one", "two")
    assert typist.engine.requests[1].messages == (
        ("system", "Be brief."),
        ("user", "one"),
        ("assistant", "1: one"),
        ("user", "two"),
    )


def test_a_generation_that_is_named_is_made_once_in_the_whole_session() -> None:
    typist = Typist(numbered())
    typist.enter('(define a (g "x"))')
    assert typist.engine.requests == []
    assert typist.enter("a", "a", '(user "again " a)') == "1: x\n1: x\nagain 1: x\n"
    assert len(typist.engine.requests) == 1


def test_a_named_generation_that_failed_is_tried_again() -> None:
    replies = iter([GenerationError("engine-failed", "it broke"), "well"])

    def script(request: Request) -> str:
        reply = next(replies)
        if isinstance(reply, Exception):
            raise reply
        return reply

    typist = Typist(script)
    assert "error[engine-failed]: it broke" in typist.told('(define a (g "x"))', "a")
    assert typist.enter("a") == "well\n"


def test_the_last_answers_have_names_and_are_values() -> None:
    typist = Typist(numbered())
    typist.enter("(list 5 6)", '(g "x")', "(+ 1 1)")
    assert typist.enter("(first _2)") == "5\n"
    assert typist.enter("(user _2)") == "1: x\n"
    assert len(typist.engine.requests) == 1
    typist.enter("Hello")
    assert typist.enter("(length _)") == f"{len('2: Hello')}\n"


def test_definitions_and_prints_are_no_answers() -> None:
    typist = Typist()
    typist.enter("(+ 1 1)", '(print "p")', "(define y 1)", "; nothing")
    assert typist.enter("(* _ 10)") == "20\n"


def test_nothing_of_an_entry_runs_that_cannot_be_expanded_whole() -> None:
    typist = Typist()
    told = typist.told('(define x 1) (g "x") (sqe)')
    assert "error[unknown-form]" in told
    assert "<1>:1:23" in told
    assert typist.engine.requests == []
    assert "x" not in typist.session.state.names.values


def test_errors_have_their_place_in_what_was_typed() -> None:
    typist = Typist()
    typist.enter("(+ 1 1)")
    told = typist.told('(seq "a"\n  (user nmae))')
    assert "--> <2>:2:9" in told
    assert "(user nmae))" in told
    assert typist.enter("(+ 1 2)") == "3\n"


def test_what_was_said_before_an_interrupt_is_kept() -> None:
    def script(request: Request) -> Iterator[str | Chunk]:
        yield "so far"
        raise KeyboardInterrupt

    typist = Typist(script)
    told = typist.told('(g "x")')
    assert "interrupted" in told
    assert typist.enter("_") == "so far\n"
    typist.enter("Say something")
    assert typist.session.state.conversation.turns == (("user", "Say something"), ("assistant", "so far"))


def test_an_interrupt_before_anything_was_said_keeps_nothing() -> None:
    def script(request: Request) -> Iterator[str | Chunk]:
        raise KeyboardInterrupt
        yield ""

    typist = Typist(script)
    typist.enter('(g "x")', "Hello")
    assert typist.session.state.answers == ()
    assert typist.session.state.conversation.turns == ()


def test_undo_takes_back_definitions_answers_talk_and_settings() -> None:
    typist = Typist()
    typist.enter("(define x 1)", "(define x 2)", ":undo")
    assert typist.enter("x") == "1\n"
    typist.enter("Hello", ":undo")
    assert typist.session.state.conversation.turns == ()
    typist.enter(":set temperature 0.5", ":undo")
    assert typist.session.state.sampling.temperature is None
    while "nothing to take back" not in typist.told(":undo"):
        pass
    assert "x" not in typist.session.state.names.values


def test_reset_forgets_all_but_the_model_and_the_settings() -> None:
    typist = Typist()
    typist.enter(":model other", ":set temperature 0.5", "(define x 1)", "Hello", ":reset")
    state = typist.session.state
    assert (dict(state.names.values), state.answers, state.conversation.turns) == ({}, (), ())
    assert (state.model, state.sampling.temperature) == ("other", 0.5)


def test_settings_fill_in_what_a_program_does_not_say() -> None:
    typist = Typist()
    typist.enter(":set temperature 0.25", ":set max-tokens 7", ':set stop "." "!"', ":set think low")
    typist.enter('(g "x")', '(g "y" (temperature 1))')
    first, second = typist.engine.requests
    assert first.sampling.given() == {
        "temperature": 0.25, "max_tokens": 7, "stop": (".", "!"), "think": "low"
    }  # fmt: skip
    assert second.sampling.temperature == 1
    assert typist.enter(":set stop") == 'stop "." "!"\n'
    typist.enter(":set temperature default")
    assert typist.enter(":set temperature") == "temperature default\n"


@pytest.mark.parametrize(
    ("entry", "id", "said"),
    [
        (":set temperature -1", "wrong-type", "a number, at least 0"),
        (":set temprature 1", "unknown-clause", "did you mean `temperature`?"),
        (":set temperature (", "unclosed", ""),
        (":nodels", "unknown-command", "did you mean `:models`?"),
        (":s", "unknown-command", "`:set`"),
        (":time maybe", "bad-option", "on, off"),
        (":doc tirm", "unknown-form", "did you mean `trim`?"),
        (":load nowhere.spnl", "no-such-file", "nowhere.spnl"),
        (":plan", "bad-option", ":plan EXPR"),
        (":plan (sqe)", "unknown-form", "did you mean `seq`?"),
    ],
)
def test_mistakes_in_commands(entry: str, id: str, said: str) -> None:
    typist = Typist()
    told = typist.told(entry)
    assert f"error[{id}]" in told
    assert said in told
    assert typist.enter("(+ 1 2)") == "3\n"


def test_commands_may_be_shortened_and_quit_ends_the_session() -> None:
    typist = Typist()
    assert typist.enter(":sys Be brief.", ":sys") == "Be brief.\n"
    assert not typist.session.enter(":q")


def test_help_names_every_command_within_80_columns() -> None:
    from spnl.repl.commands import COMMANDS

    typist = Typist()
    page = typist.enter(":help")
    assert all(f"\n:{name}" in page for name in COMMANDS)
    assert max(map(len, page.splitlines())) <= 80
    assert ":set temperature 0.2" in typist.enter(":help set")


def test_plan_runs_nothing_and_leaves_no_names() -> None:
    typist = Typist()
    shown = typist.enter(':plan (define z 1) (repeat 3 (g "x"))')
    assert "3 draws" in shown
    assert typist.engine.requests == []
    assert "z" not in typist.session.state.names.values


def test_doc_shows_forms_and_functions() -> None:
    typist = Typist()
    assert typist.enter(":doc trim").startswith("(trim TEXT)\n\nA text without")
    typist.enter("(define (f a) a)")
    assert typist.enter(":doc f") == "(f a)\n"


def test_models_and_unload() -> None:
    typist = Typist()
    assert typist.enter(":model") == "m\n"
    typist.enter(":model other", "Hello")
    listed = typist.enter(":models").splitlines()
    assert "  tiny" in listed
    assert "* other  loaded" in listed
    assert "1 model unloaded" in typist.told(":unload")
    assert "* other" in typist.enter(":models").splitlines()


def test_time_tells_tokens_and_speed() -> None:
    typist = Typist()
    told = typist.told(":time on", '(g "one two three")')
    assert " s, 3 tokens, " in told
    assert "tokens" not in typist.told(":time off", '(g "one two three")')


def test_retry_asks_again_and_the_reply_takes_the_place_of_the_last() -> None:
    typist = Typist(numbered())
    assert "nothing was said" in typist.told(":retry")
    typist.enter("Hello")
    assert typist.enter(":retry") == "2: Hello\n"
    assert typist.session.state.conversation.turns == (("user", "Hello"), ("assistant", "2: Hello"))


def test_show_prints_a_program_that_asks_for_the_last_reply() -> None:
    typist = Typist(numbered())
    typist.enter(":system Be brief.", "one", "two")
    shown = typist.enter(":show")
    query = spnl.expand(shown)
    assert query == typist.session.state.conversation.question().query("m")
    typist.enter(shown)
    assert typist.engine.requests[-1].messages == typist.engine.requests[-2].messages


def test_chat_off_makes_everything_code_and_new_begins_again() -> None:
    typist = Typist()
    typist.enter(":system Be brief.", "Hello", ":chat new")
    assert typist.session.state.conversation.messages == (("system", "Be brief."),)
    typist.enter(":chat off")
    assert typist.enter("42") == "42\n"
    assert "error[unbound-name]" in typist.told("hello")
    typist.enter(":chat on")
    assert typist.enter("hello") == "hello\n"


def test_load_runs_a_program_with_paths_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "fact.txt").write_text("The lamp is red.")
    (tmp_path / "p.spnl").write_text('(define fact (file "fact.txt"))\n(user fact)\n')
    typist = Typist()
    assert typist.enter(f":load {tmp_path / 'p.spnl'}") == "The lamp is red.\n"
    assert typist.enter("fact") == "The lamp is red.\n"
    (tmp_path / "q.json").write_text('{"g": {"model": "m", "input": {"user": "hi"}, "temperature": 0}}')
    assert typist.enter(f":load {tmp_path / 'q.json'}") == "hi\n"


def test_an_import_that_was_changed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    typist = Typist()
    for value in (1, 2):
        (tmp_path / "lib.spnl").write_text(f"(define x {value})")
        assert typist.enter('(import "lib.spnl")', "x") == f"{value}\n"


def test_ask_asks_the_person_and_stdin_is_an_error() -> None:
    typist = Typist()
    typist.session.ask = lambda prompt: "Spain" if prompt == "Country?" else None
    assert typist.enter('(user (ask "Country?"))') == "Spain\n"
    assert "error[nobody-to-ask]" in typist.told('(user (ask "Other?"))')
    assert "error[no-stdin]" in typist.told("(stdin)")


def test_a_bug_of_ours_is_told_and_does_not_end_the_session(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typist = Typist()

    def breaks(source: object) -> None:
        raise ValueError("inside")

    monkeypatch.setattr(typist.session, "run_program", breaks)
    told = typist.told("(+ 1 2)")
    assert "this is a bug in spnl" in told
    assert "Traceback" not in told
    trace = state_folder / "traceback.txt"
    assert str(trace) in told
    assert "ValueError: inside" in trace.read_text()
    assert trace.stat().st_mode & 0o777 == 0o600
    typist.session.debug = True
    assert "ValueError: inside" in typist.told("(+ 1 2)")
    monkeypatch.undo()
    assert typist.enter("(+ 1 2)") == "3\n"


def test_hostile_replies_are_shown_on_a_terminal_and_not_obeyed() -> None:
    typist = Typist(lambda request: "\x1b[2J\x9b1m\u202eok", terminal=True)
    assert typist.enter("Hello") == "^[[2J<U+009B>1m<U+202E>ok\n"


def test_edit_runs_what_the_editor_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\ncp "$1" seen.txt\necho \'(user "edited")\' > "$1"\n')
    editor.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VISUAL", str(editor))
    typist = Typist()
    typist.enter("(+ 1 2)")
    assert typist.enter(":edit") == "edited\n"
    assert (tmp_path / "seen.txt").read_text() == "(+ 1 2)"
    monkeypatch.setenv("VISUAL", "/no/editor")
    assert "/no/editor` cannot be started" in typist.told(":edit")
