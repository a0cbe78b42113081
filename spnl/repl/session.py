"""The session: it takes one entry after another, and is the same after an error as before it.

Nothing here knows of a keyboard. An entry is a text; what comes of it goes to the console's two streams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from spnl.answers import to_answer
from spnl.console import Console
from spnl.errors import SpnlError
from spnl.executor.dispatch import Models
from spnl.executor.options import RunOptions
from spnl.forms.registry import FormFunction
from spnl.query import Query
from spnl.reader import read
from spnl.repl.entries import kind_of
from spnl.repl.recovery import Entry, Lost, Pool, SessionFile
from spnl.repl.running import Ran, Runner, Silent
from spnl.repl.state import Answered, Conversation, State, Step, is_import, name_defined
from spnl.repl.telling import described, timing
from spnl.repl.workspace import ANSWERS, SessionInputs, Workspace
from spnl.scope import Closure
from spnl.source import Source
from spnl.syntax import Node, Symbol
from spnl.values import NOTHING, Value, share

MOST_UNDONE = 100
"""How many entries `:undo` can take back."""


class Session:
    """One person's session. `model` is used where nothing names one; `ask` is how the person is asked.

    `models` gives the engines of the pool to what runs; without it, the pool itself does.

    `chat` says whether what is no code and no command is a message to the model; `timing` whether the time
    of each entry is told.
    """

    def __init__(
        self,
        console: Console,
        pool: Pool,
        *,
        model: str,
        models: Models | None = None,
        file: SessionFile | None = None,
        ask: Callable[[str], str | None] = lambda prompt: None,
        verbose: int = 0,
        debug: bool = False,
    ) -> None:
        self.console = console
        self.debug = debug
        self.chat = True
        self.timing = False
        self.runner = Runner(console, pool, models or pool, verbose)
        self.workspace = Workspace(SessionInputs(self._asked))
        self.ask = ask
        self.state = State(model=model)
        self._first = self.state
        self._undoable: list[State] = []
        self._undone = False
        self._entries = 0
        self.last_code = ""
        """The code that was run last, for `:edit`."""
        self._file = file
        self._answers: list[str | None] = []
        self._said: str | None = None
        self._code: str | None = None
        self._kept = False

    @property
    def model(self) -> str:
        """The model of whatever names none."""
        assert self.state.model is not None
        return self.state.model

    def enter(self, text: str) -> bool:
        """Take an entry: run it, and tell what is wrong with it. False: the session is to end.

        `BrokenPipeError` where nobody reads stdout any more.
        """
        before, settings = self.state, (self.chat, self.timing)
        goes_on, self._undone = True, False
        self._answers, self._said, self._code, self._kept = [], None, None, False
        try:
            goes_on = self._take(text)
        except KeyboardInterrupt:
            self.console.notice("interrupted")
        except SpnlError as error:
            self.draw(error)
        except BrokenPipeError:
            raise
        except Exception:
            from spnl.repl.bugs import report

            report(self.console, self.debug)
        self.workspace.restore(self.state.names)
        if self.state is not before and not self._undone:
            self._undoable = [*self._undoable[1 - MOST_UNDONE :], before]
        exchanges = self.runner.models.taken()
        if not self._kept and (self.state is not before or (self.chat, self.timing) != settings):
            self._keep(Entry(self._code or text, exchanges, self._answers, self._said))
        return goes_on

    def close(self) -> None:
        """The session ends in order: there is nothing to bring back."""
        if self._file is not None:
            self._file.remove()

    def draw(self, error: SpnlError) -> None:
        """Show an error, with its place in what was typed."""
        from spnl.diagnostics import render

        self.console.say(render(error, color=self.console.stderr_color))
        if error.detail and self.debug:
            self.console.say_safely(error.detail)

    def restore(self, lost: Lost) -> None:
        """Take the entries of a session that was lost, with what was said in them."""
        entries = lost.entries()
        failed = sum([not self._repeat(entry) for entry in entries])
        lost.close(remove=True)
        self._kept = True
        count = len(entries) - failed
        notice = f"{count} {'entry is' if count == 1 else 'entries are'} back"
        self.console.notice(notice + (f", {failed} could not be taken again" if failed else ""))

    def undo(self) -> bool:
        """Go back to before the last entry that changed something; whether there was one."""
        if not self._undoable:
            return False
        self.state, self._undone = self._undoable.pop(), True
        return True

    def reset(self) -> None:
        """Forget everything but the model and the settings."""
        self.state = self._first.but(model=self.state.model, sampling=self.state.sampling)

    def run_program(self, source: Source) -> None:
        """Run a program within the session: all of it is expanded before any of it runs.

        `SpnlError` for what is wrong; what ran before that is kept.
        """
        nodes = read(source).items
        self.workspace.begin(source)
        steps: list[tuple[Node, Value]] = []
        for node in nodes:
            value = self.workspace.value(node)
            steps.append((node, value if value is NOTHING else share("_", value, node.span)))
        self.last_code = source.text
        named = dict(zip(ANSWERS, (answer.number for answer in reversed(self.state.answers)), strict=False))
        self._keep_definitions(nodes, named)
        for node, value in steps:
            if value is not NOTHING and not self._answer(node, value, named):
                return

    def run_edited(self, source: Source) -> None:
        """Run code that was written elsewhere: it counts as if it had been typed."""
        self._code = source.text
        self.run_program(source)

    def expand_aside(self, text: str) -> Query:
        """The query of an expression that is not run. `ProgramError`."""
        with self.workspace.aside():
            source = Source("<plan>", text)
            self.workspace.begin(source)
            return self.workspace.program(read(source))

    def say(self, text: str) -> None:
        """Say something to the model; what it replies is kept, also where it was interrupted."""
        conversation = self.state.conversation
        self._reply_to(conversation.but(turns=(*conversation.turns, ("user", text))))

    def retry(self) -> bool:
        """Let the model reply to the last message once more; whether there is one."""
        question = self.state.conversation.question()
        if question.turns:
            self._reply_to(question)
        return bool(question.turns)

    def options(self) -> RunOptions:
        """What fills in what programs do not say."""
        return RunOptions(default_model=self.model, default_sampling=self.state.sampling)

    def _repeat(self, entry: Entry) -> bool:
        """Take an entry once more; whether it changed something, as it did before."""
        before, console, ask = self.state, self.console, self.ask
        settings = (self.chat, self.timing)
        answers = iter(entry.asked)
        self.console, self.ask = Silent(), lambda prompt: next(answers, None)
        try:
            with self.runner.replaying(entry):
                self.enter(entry.text)
        finally:
            self.console, self.ask = console, ask
        return self.state is not before or (self.chat, self.timing) != settings

    def _keep(self, entry: Entry) -> None:
        if self._file is not None:
            self._file.add(entry)

    def _asked(self, prompt: str) -> str | None:
        answer = self.ask(prompt)
        self._answers.append(answer)
        return answer

    def _take(self, text: str) -> bool:
        match kind_of(text, self.state.names.values, self.chat):
            case "command":
                from spnl.repl.commands import run_command

                return run_command(self, text.strip())
            case "message":
                self.say(text.strip())
            case "code":
                self._run_code(text)
        return True

    def _run_code(self, text: str) -> None:
        self._entries += 1
        value = self.state.names.values.get(text.strip())
        if isinstance(value, (Closure, FormFunction)):
            self.runner.show(described(value))
            return
        try:
            self.run_program(Source(f"<{self._entries}>", text))
        except SpnlError as error:
            if error.id != "empty":  # a comment is no mistake here
                raise

    def _keep_definitions(self, nodes: tuple[Node, ...], named: Mapping[str, int]) -> None:
        steps = [Step(node, named, defines=name) for node in nodes if (name := name_defined(node))]
        steps += [Step(node, named) for node in nodes if is_import(node)]
        if steps:
            self.state = self.state.but(names=self.workspace.names, steps=(*self.state.steps, *steps))

    def _answer(self, node: Node, value: Value, named: Mapping[str, int]) -> bool:
        """Show what a form comes to, and keep it; False where the person stopped it."""
        ran = self._run(to_answer(value, node.span))
        if not ran.is_answer or (isinstance(node, Symbol) and node.name in ANSWERS):
            return not ran.interrupted
        number = len(self.state.answers) + 1
        if ran.interrupted:
            if ran.text:
                self._keep_answer(Answered(number, ran.text, ran.text, whole=False))
            return False
        self._keep_answer(Answered(number, value, ran.text))
        self.state = self.state.but(steps=(*self.state.steps, Step(node, named, answer=number)))
        return True

    def _reply_to(self, conversation: Conversation) -> None:
        ran = self._run(conversation.query())
        if not ran.text:
            return
        turns = (*conversation.turns, ("assistant", ran.text))
        self.state = self.state.but(conversation=conversation.but(turns=turns))
        self._keep_answer(Answered(len(self.state.answers) + 1, ran.text, ran.text, whole=False))

    def _run(self, query: Query) -> Ran:
        ran = self.runner.run(query, self.options())
        if ran.interrupted:
            self._said = ran.text
            self.console.notice("interrupted; what was said is kept" if ran.text else "interrupted")
        elif self.timing:
            self.console.say(f"spnl: {timing(ran)}")
        return ran

    def _keep_answer(self, answer: Answered) -> None:
        answers = (*self.state.answers, answer)
        self.workspace.restore(self.state.names)
        self.workspace.name_answers([each.value for each in answers[-len(ANSWERS) :]])
        self.state = self.state.but(answers=answers, names=self.workspace.names)
