"""The session as a program that runs: its definitions, and the forms it answered, in their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from spnl.repl.state import Answered, State, Step
from spnl.syntax import List, Node, Symbol, quote


def session_program(state: State, model: str) -> str:
    """The text of the program, with a line end; empty where the session has taken no form.

    Of a name that was defined again the last definition stands, before what uses it. An answer that a later
    form used by `_` is named; one that is no form's value (what a model said in talk) stands as its text.
    """
    writer = _Writer(state)
    forms = list(writer.forms())
    if not forms:
        return ""
    said = [f"(model {quote(model)})", *_settings(state)]
    return "\n".join([f"; Made with {' '.join(said)} where a form does not say.", "", *forms, ""])


def _settings(state: State) -> Iterator[str]:
    for name, value in state.sampling.given().items():
        yield f"({name.replace('_', '-')} {value})"


class _Writer:
    """Writes the forms of one session."""

    def __init__(self, state: State) -> None:
        self._steps = state.steps
        self._answers: Mapping[int, Answered] = {answer.number: answer for answer in state.answers}
        self._used = {number for step in self._steps for number in _uses(step).values()}
        self._last = {step.defines: step for step in self._steps if step.defines is not None}
        self._written: set[int] = set()
        """The steps that are written, by `id`."""
        self._named: set[int] = set()
        """The answers that have a name already."""

    def forms(self) -> Iterator[str]:
        """The program's top-level forms."""
        for step in self._steps:
            if step.defines is None or self._last[step.defines] is step:
                yield from self._form(step)

    def _form(self, step: Step) -> Iterator[str]:
        """A form, after the definitions that it uses and that came later in the session."""
        if id(step) in self._written:
            return
        self._written.add(id(step))
        for symbol in _symbols(step.node):
            before = self._last.get(symbol.name)
            if before is not None:
                yield from self._form(before)
        for number in sorted(set(_uses(step).values())):
            yield from self._text_of(number)
        text = _renamed(step)
        if step.answer is not None and step.answer in self._used:
            yield f"(define {_name(step.answer)} {text})"
            self._named.add(step.answer)
            text = _name(step.answer)
        yield text

    def _text_of(self, number: int) -> Iterator[str]:
        """The definition of an answer that is no form's value."""
        answer = self._answers[number]
        if not answer.whole and number not in self._named:
            self._named.add(number)
            yield f"(define {_name(number)} {quote(answer.text)})"


def _name(number: int) -> str:
    return f"answer-{number}"


def _symbols(node: Node) -> Iterator[Symbol]:
    stack = [node]
    while stack:
        inner = stack.pop()
        if isinstance(inner, Symbol):
            yield inner
        elif isinstance(inner, List):
            stack.extend(reversed(inner.items))


def _uses(step: Step) -> dict[str, int]:
    """The answers that a form names."""
    return {s.name: step.named[s.name] for s in _symbols(step.node) if s.name in step.named}


def _renamed(step: Step) -> str:
    """A form as it was typed, with the names that its answers have in the program."""
    text, start = step.node.span.text, step.node.span.start
    for symbol in sorted(_symbols(step.node), key=lambda symbol: -symbol.span.start):
        if symbol.name in step.named:
            name = _name(step.named[symbol.name])
            text = text[: symbol.span.start - start] + name + text[symbol.span.end - start :]
    return text
