"""What a session is at one time, as a value: `:undo` puts an earlier one back."""

from __future__ import annotations

from collections.abc import Mapping

from spnl.frozen import Frozen
from spnl.query import Generate, Message, Role, Sampling, Seq
from spnl.repl.workspace import Names
from spnl.syntax import List, Node, Symbol
from spnl.values import Value


class Answered(Frozen):
    """One answer: its number in the session, its value, and the text that was shown.

    `whole` says that the value is that of its form: a reply that was interrupted, or that the form of a chat
    made, is the text alone.
    """

    number: int
    value: Value
    text: str
    whole: bool = True


class Step(Frozen):
    """One top-level form that the session took: its syntax, and the numbers of the answers it could name.

    `answer` is the number of its own answer, `defines` the name that it gives.
    """

    node: Node
    named: Mapping[str, int]
    answer: int | None = None
    defines: str | None = None


class Conversation(Frozen):
    """What was said, as messages: `system` first, then the user's and the model's in turn."""

    system: str | None = None
    turns: tuple[tuple[Role, str], ...] = ()

    @property
    def messages(self) -> tuple[tuple[Role, str], ...]:
        """All messages in order."""
        before: tuple[tuple[Role, str], ...] = (("system", self.system),) if self.system else ()
        return before + self.turns

    def question(self) -> Conversation:
        """The conversation up to what the user said last."""
        turns = self.turns
        while turns and turns[-1][0] != "user":
            turns = turns[:-1]
        return self.but(turns=turns)

    def query(self, model: str | None = None, sampling: Sampling | None = None) -> Generate:
        """The generation of the next reply."""
        messages = tuple([Message(role, text) for role, text in self.messages])
        return Generate(model, messages[0] if len(messages) == 1 else Seq(messages), sampling or Sampling())


class State(Frozen):
    """Everything that `:undo` takes back. `model` and `sampling` fill in what programs do not say."""

    names: Names = Names()
    answers: tuple[Answered, ...] = ()
    steps: tuple[Step, ...] = ()
    conversation: Conversation = Conversation()
    model: str | None = None
    sampling: Sampling = Sampling()


def name_defined(node: Node) -> str | None:
    """The name that a top-level form defines."""
    match node:
        case List(items=(Symbol(name="define"), Symbol(name=name), *_)):
            return name
        case List(items=(Symbol(name="define"), List(items=(Symbol(name=name), *_)), *_)):
            return name
    return None


def is_import(node: Node) -> bool:
    """Whether a top-level form imports definitions."""
    match node:
        case List(items=(Symbol(name="import"), *_)):
            return True
    return False
