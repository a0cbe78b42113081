"""The `:` commands: one function each, registered in the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spnl.errors import ProgramError, UsageError, did_you_mean
from spnl.repl.entries import COMMAND
from spnl.repl.table import COMMANDS, command, find
from spnl.source import Source

__all__ = ["COMMANDS", "run_command"]

if TYPE_CHECKING:
    from spnl.repl.session import Session


class Quit(Exception):
    """The session is to end."""


def run_command(session: Session, line: str) -> bool:
    """Run a `:` line. False where the session is to end. `UsageError` where there is no such command."""
    word, _, rest = line.removeprefix(COMMAND).partition(" ")
    word, newline, more = word.partition("\n")
    try:
        find(word, line).function(session, (more if newline else rest).strip())
    except Quit:
        return False
    return True


def needed(rest: str, what: str, usage: str) -> str:
    """The rest of a line, which must not be empty."""
    if not rest:
        raise UsageError("bad-option", f"{what} is missing", helps=(f"write `{usage}`",))
    return rest


def one_of(rest: str, words: tuple[str, ...], usage: str) -> str:
    """The rest of a line, which must be one of some words."""
    if rest not in words:
        wrong = f"`{rest}` is none of" if rest else "it takes one of"
        raise UsageError("bad-option", f"{wrong} {', '.join(words)}", helps=(f"write `{usage}`",))
    return rest


@command("help", "[COMMAND]", completes="commands")
def help_(session: Session, rest: str) -> None:
    """Say what can be typed here, or what one command does."""
    from inspect import cleandoc

    if rest:
        found = find(rest.removeprefix(COMMAND))
        session.runner.show(
            f":{found.name} {found.usage}".rstrip() + "\n" + cleandoc(found.function.__doc__ or "")
        )
        return
    rows = [(f":{each.name} {each.usage}".rstrip(), each.help) for each in COMMANDS.values()]
    width = max(len(usage) for usage, _ in rows)
    session.runner.show(
        'What begins with ( " # or ; is code, a lone name shows its value. What begins\n'
        "with : is a command. All else is said to the model. Last answers: _ _1 _2\n\n"
        + "\n".join(f"{usage:<{width}}  {text}" for usage, text in rows)
    )


@command("quit")
def quit_(session: Session, rest: str) -> None:
    """End the session; Ctrl-D on an empty line does, too."""
    raise Quit


@command("model", "[NAME]", completes="models")
def model(session: Session, rest: str) -> None:
    """Use a model where none is named, or say which that is."""
    if not rest:
        session.runner.show(session.model)
        return
    session.runner.models.is_loaded(rest)  # which complains where there can be no such model
    session.state = session.state.but(model=rest)


@command("models")
def models(session: Session, rest: str) -> None:
    """List the models on this machine, and which are loaded."""
    from spnl.repl.listing import models_here

    current = session.model.removeprefix("mistralrs/")
    names = dict.fromkeys([*models_here(), current])
    lines = [
        f"{'*' if name == current else ' '} {name}{'  loaded' * session.runner.is_loaded(name)}"
        for name in names
    ]
    session.runner.show("\n".join(lines))


@command("unload", "[NAME]", completes="models")
def unload(session: Session, rest: str) -> None:
    """Give the memory of a model back, or that of all."""
    count = session.runner.unload(rest or None)
    session.console.notice(f"{count} model{'s' * (count != 1)} unloaded")


@command("set", "[NAME [VALUE]]", completes="settings")
def set_(session: Session, rest: str) -> None:
    """Set how replies are drawn, or show how they are.

    It holds where a program says nothing. The value `default` takes a setting back.

    :set temperature 0.2
    :set max-tokens 200
    :set think #f
    """
    from spnl.repl.setting import change, shown

    name, _, value = rest.partition(" ")
    if value.strip():
        session.state = session.state.but(sampling=change(session, rest))
        return
    session.runner.show("\n".join(shown(session.state.sampling, name)))


@command("time", "on|off", completes="words", words=("on", "off"))
def time(session: Session, rest: str) -> None:
    """Tell how long entries take, and how fast tokens come."""
    session.timing = one_of(rest, ("on", "off"), ":time on|off") == "on"


@command("plan", "EXPR", completes="code")
def plan(session: Session, rest: str) -> None:
    """Show what an expression would do, without running it."""
    from spnl.optimizer import optimize
    from spnl.planner import draw, measure, plan_query

    query = optimize(session.expand_aside(needed(rest, "the expression", ":plan EXPR")))
    session.runner.show(f"{draw(plan_query(query))}\n\n{measure(query)}")


@command("doc", "FORM", completes="forms")
def doc(session: Session, rest: str) -> None:
    """Show how a form is written, what it means, and examples."""
    from spnl.forms.registry import FORMS
    from spnl.repl.telling import described
    from spnl.scope import Closure

    name = needed(rest, "the form's name", ":doc FORM").removeprefix("(").rstrip(")")
    value = session.state.names.values.get(name)
    if isinstance(value, Closure):
        session.runner.show(described(value))
    elif name in FORMS:
        form = FORMS[name]
        session.runner.show(f"{form.signature}\n\n{form.doc}")
    else:
        known = [*FORMS, *session.state.names.defined()]
        raise ProgramError("unknown-form", f"there is no form `{name}`", helps=did_you_mean(name, known))


@command("load", "FILE", completes="files")
def load(session: Session, rest: str) -> None:
    """Run a program here: what it defines lasts."""
    from os.path import expanduser

    from spnl.codec import format_of, read_json, read_yaml, write_program

    source = Source.from_file(expanduser(needed(rest, "the file", ":load FILE")))
    form = format_of(source.name)
    if form != "spnl":
        query = (read_json if form == "json" else read_yaml)(source)
        source = Source(source.name, write_program(query), source.folder)
    session.run_program(source)


@command("save", "FILE", completes="files")
def save(session: Session, rest: str) -> None:
    """Write the session as a program that runs.

    A file that is there already is not overwritten.
    """
    from spnl.repl.files import save_session

    save_session(session, needed(rest, "the file", ":save FILE"))


@command("edit", "[FILE]", completes="files")
def edit(session: Session, rest: str) -> None:
    """Write code in $VISUAL or $EDITOR, and run it.

    It begins with the code that was run last, or with FILE.
    """
    from spnl.repl.files import edited

    source = edited(session.last_code, rest or None)
    if source.text.strip():
        session.run_edited(source)


@command("undo")
def undo(session: Session, rest: str) -> None:
    """Take back the last entry that changed something."""
    if not session.undo():
        session.console.notice("there is nothing to take back")


@command("reset")
def reset(session: Session, rest: str) -> None:
    """Forget all but the model and the settings."""
    session.reset()


@command("restore")
def restore(session: Session, rest: str) -> None:
    """Bring back the last session that was killed.

    Its entries are taken once more, with the replies that they had: no model is asked.
    """
    import os

    from spnl.repl.recovery import last_lost, sessions_folder

    lost = last_lost(sessions_folder(os.environ))
    if lost is None:
        session.console.notice("there is no session to bring back")
    else:
        session.restore(lost)


@command("chat", "on|off|new", completes="words", words=("on", "off", "new"))
def chat(session: Session, rest: str) -> None:
    """Say what is no code to the model, or take it as code.

    `:chat new` begins another conversation.
    """
    word = one_of(rest, ("on", "off", "new"), ":chat on|off|new")
    if word == "new":
        conversation = session.state.conversation
        session.state = session.state.but(conversation=conversation.but(turns=()))
    else:
        session.chat = word == "on"


@command("system", "[TEXT]")
def system(session: Session, rest: str) -> None:
    """Tell the model how to behave, or show what it was told."""
    conversation = session.state.conversation
    if rest:
        session.state = session.state.but(conversation=conversation.but(system=rest))
    elif conversation.system:
        session.runner.show(conversation.system)
    else:
        session.console.notice("the model was told nothing; write `:system TEXT`")


@command("retry")
def retry(session: Session, rest: str) -> None:
    """Let the model reply to your last message once more."""
    if not session.retry():
        session.console.notice("nothing was said yet")


@command("show")
def show(session: Session, rest: str) -> None:
    """Print the conversation as a program.

    Running it asks for the last reply again.
    """
    from spnl.codec import write_program

    question = session.state.conversation.question()
    if not question.turns:
        session.console.notice("nothing was said yet")
        return
    query = question.query(session.model, session.state.sampling)
    session.runner.show(write_program(query).rstrip("\n"))
