"""Checking: everything that can be known to be wrong with a program before a model is loaded.

A program is expanded as for a run, but for three things. What is wrong is noted, an unknown value takes its
place, and expanding goes on, so every mistake is found and none causes another. Parts that a run might not
reach (the branch that is not taken, a function that is not called) are expanded too, with unknown values for
their names. And nothing is asked for: no stdin, no person, no pipe.

A program may compute for ever; checking it ends after `MAX_STEPS`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from spnl.call_stack import Trace
from spnl.config import read_config
from spnl.errors import ModelError, ProgramError, SpnlError
from spnl.expander import Expander, ExpanderCall
from spnl.forms.control import MISTAKES
from spnl.inputs import Unasked, Unknown
from spnl.models.naming import resolve_model
from spnl.query import Generate, Map, Repeat, distinct_nodes
from spnl.reader import read_all
from spnl.scope import Closure, Function, Scope
from spnl.source import Source, Span
from spnl.syntax import List, Node, Symbol
from spnl.unreachable import unreachable_parts
from spnl.unused import unused_names
from spnl.values import Value

MAX_STEPS = 500_000
"""How many pieces of syntax are expanded before checking stops: some seconds."""

_SLOW_STEPS = 10_000
"""How many steps a pattern counts for that has taken its second."""


_ERRORS_OF_NAMES = ("unbound-name", "unknown-form", "unknown-clause")


class Findings:
    """What was found wrong, in the order of the source, each once; warnings apart."""

    def __init__(self) -> None:
        self._errors: dict[tuple[str, Span | None], SpnlError] = {}
        self._warnings: dict[tuple[str, Span | None], SpnlError] = {}
        self._models: dict[tuple[str | None, Span | None], None] = {}

    def model(self, name: str | None, span: Span | None) -> bool:
        """Note the model of a generation, None where it names none; whether that is news."""
        known = (name, span) in self._models
        self._models[name, span] = None
        return not known

    @property
    def models(self) -> tuple[str | None, ...]:
        """The models of all generations, also where a run might not come; None for those that name none."""
        return tuple(dict.fromkeys(name for name, _ in self._models))

    def error(self, error: SpnlError) -> None:
        """Note an error, unless the same is noted already."""
        self._errors.setdefault((error.id, error.span), error)

    def warning(self, warning: SpnlError) -> None:
        """Note something that is probably not meant."""
        self._warnings.setdefault((warning.id, warning.span), warning)

    @property
    def errors(self) -> list[SpnlError]:
        """The errors, as they stand in the source."""
        return sorted(self._errors.values(), key=_order)

    @property
    def warnings(self) -> list[SpnlError]:
        """The warnings, as they stand in the source."""
        return sorted(self._warnings.values(), key=_order)


def check(source: Source, arguments: Mapping[str, str] | None = None) -> Findings:
    """Everything that can be known to be wrong with a program."""
    findings = Findings()
    program, errors = read_all(source)
    for read_error in errors:
        findings.error(read_error)
    expander = _CheckingExpander(findings, arguments, [error.span for error in errors if error.span])
    expander.loader.enter(source)
    for node in program.items:
        try:
            for query in distinct_nodes(expander.answer(node)):
                expander.note_model(query)
        except ProgramError as error:
            findings.error(error)
        except _Unending as stopped:
            findings.warning(_not_checked(stopped.span))
            break
    if not errors:
        for warning in (*unused_names(program), *unreachable_parts(program)):
            findings.warning(warning)
    return findings


class _Unending(Exception):
    """Checking has taken `MAX_STEPS`, the last of them at `span`."""

    def __init__(self, span: Span) -> None:
        self.span = span


def _not_checked(span: Span) -> ProgramError:
    return ProgramError(
        "not-checked",
        f"checking stopped here, after {MAX_STEPS:,} steps",
        span=span,
        notes=("what comes after it is not checked",),
        helps=("see whether a recursion or a loop within a loop ends as soon as it should",),
    )


class _CheckingExpander(Expander):
    """Expands a program to find what is wrong with it; the query it makes is not for running."""

    def __init__(
        self, findings: Findings, arguments: Mapping[str, str] | None, misread: Iterable[Span]
    ) -> None:
        super().__init__(arguments, Unasked())
        self._misread = {span.start for span in misread}
        """The places that could not be read: a stand-in is there, whose name says nothing."""
        self._findings = findings
        self._foreseeing = 0
        self._steps = 0
        self._names_missing = False
        """Whether a definition or an import has failed, so that names may seem not to be defined."""
        self._tolerant: set[int] = set()
        """The nodes (by `id`) that `try` stands ready for: only mistakes in them count."""
        self._tolerating = 0
        self._config = read_config(os.environ)

    def note_model(self, value: Value) -> None:
        """Note the model of a generation, and whether its name can be one."""
        if not isinstance(value, (Generate, Map)) or not self._findings.model(value.model, value.span):
            return
        try:
            if value.model is not None:
                resolve_model(value.model, self._config)
        except ModelError as error:
            self._findings.error(error.at(value.span))

    def expand(self, node: Node, scope: Scope, trace: Trace | None = None) -> Value:
        """The value of one piece of syntax, or an unknown one where it is wrong."""
        tolerant = id(node) in self._tolerant
        self._tolerating += tolerant
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _Unending(node.span)
        try:
            self._note_attempt(node)
            value = super().expand(node, scope, trace)
            self.note_model(value.generate if isinstance(value, Repeat) else value)
            return value
        except ProgramError as error:
            self._note(error)
            if self.is_at_top(node) and error.id != "repeated-name":
                self._names_missing |= _defines(node)
            return _unknown(node.span)
        finally:
            self._tolerating -= tolerant

    def apply(self, function: Function, values: tuple[Value, ...], call: ExpanderCall, span: Span) -> Value:
        """The value of a call. A function's body is looked at by itself, so not for what may never happen."""
        if self._foreseeing and isinstance(function, Closure) and len(values) == len(function.params):
            return _unknown(span)
        return super().apply(function, values, call, span)

    def foresee(self, nodes: Iterable[Node], names: Iterable[str], scope: Scope, trace: Trace | None) -> None:
        """Expand what a run may come to, with unknown values for `names`."""
        self._foreseeing += 1
        try:
            for node in nodes:
                inner = Scope(scope, {name: _unknown(node.span) for name in names})
                self.expand(node, inner, trace)
        finally:
            self._foreseeing -= 1

    def _note(self, error: ProgramError) -> None:
        """Note an error, unless `try` stands ready for it or it may be what another has caused."""
        if error.id in _ERRORS_OF_NAMES and (self._names_missing or self._is_misread(error.span)):
            return
        if self._tolerating and error.id not in MISTAKES:
            return
        self._findings.error(error)
        self._steps += _SLOW_STEPS * (error.id == "slow-pattern")

    def _is_misread(self, span: Span | None) -> bool:
        return span is not None and not self._misread.isdisjoint(range(span.start, span.end))

    def _note_attempt(self, node: Node) -> None:
        if isinstance(node, List) and len(node.items) == 3 and node.items[0] == Symbol("try", span=node.span):
            self._tolerant.add(id(node.items[1]))


def _defines(node: Node) -> bool:
    """Whether a top-level form is there to define names."""
    match node:
        case List(items=(Symbol(name="define" | "import"), *_)):
            return True
    return False


def _unknown(span: Span) -> Unknown:
    return Unknown("apply", "unknown", (), _never, span=span)


def _never(values: tuple[Value, ...]) -> Value:
    raise AssertionError("what is unknown is never executed")


def _order(error: SpnlError) -> tuple[str, int]:
    return ("", -1) if error.span is None else (error.span.source.name, error.span.start)
