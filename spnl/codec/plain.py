"""What can be written out: the query without sharing, or the error for what only a run can know.

Imports `query` and `names`. Both JSON and programs are written from plain queries: messages with their texts,
structures, generations.
"""

from __future__ import annotations

from spnl.codec.names import name_of
from spnl.errors import ProgramError
from spnl.query import (
    Attempt,
    Bind,
    Deferred,
    Generate,
    Map,
    Message,
    Monad,
    Print,
    Query,
    Ref,
    Repeat,
    Structure,
    Zip,
)
from spnl.reader import MAX_DEPTH

RUN_HELP = "run the program as it is"

_ANSWER = "answer"
"""The name of the step that makes an answer of a value at top level; it is no form of the program."""


def cannot_carry(target: str, what: str, query: Query, *helps: str) -> ProgramError:
    """The error for a node that `target`, a program or the name of a format, has no way to say."""
    id = "not-in-program" if target == "a program" else "not-in-json"
    return ProgramError(id, f"{target} cannot carry {what}", span=query.span, helps=helps)


def plain(query: Query, target: str, model: str | None) -> Query:
    """The query with what is shared put where it is used, and with `model` for every model if it is given."""
    return _Plain(target, model).visit(query, 1)


class _Plain:
    """One pass over one query. `used` are the shared values that have found their place."""

    def __init__(self, target: str, model: str | None) -> None:
        self._target = target
        self._model = model
        self._used: set[Bind] = set()

    def visit(self, query: Query, depth: int) -> Query:
        """The plain form of one node, which is `depth` deep."""
        if depth > MAX_DEPTH:
            raise self.refuse(f"queries that are more than {MAX_DEPTH} deep", query)
        depth += 1
        match query:
            case Structure(children=children):
                return query.but(children=tuple([self.visit(child, depth) for child in children]))
            case Generate():
                return self.generate(query, depth)
            case Repeat(generate=generate):
                return query.but(generate=self.generate(generate, depth))
            case Zip(first=first, second=second):
                return query.but(first=self.visit(first, depth), second=self.visit(second, depth))
            case Monad(body=body):
                return query.but(body=self.visit(body, depth))
            case Ref(bind=bind):
                return self.visit(self.only_use(query, bind), depth)
            case Deferred() | Attempt():
                raise self.known_at_run_time(query)
        return self.texts(query)

    def generate(self, query: Generate, depth: int) -> Generate:
        return query.but(model=self._model or query.model, input=self.visit(query.input, depth))

    def texts(self, query: Query) -> Query:
        """A node that holds texts and no queries, unless they are texts that are not known yet."""
        match query:
            case Message(text=Query()) | Print(text=Query()):
                raise self.refuse(
                    f"a `{name_of(query)}` whose text is generated",
                    query,
                    "put the generation itself there: it stands for its reply",
                    RUN_HELP,
                )
            case Map(inputs=inputs, system=system):
                if isinstance(system, Query) or any(isinstance(text, Query) for text in inputs):
                    raise self.refuse(
                        "a `map` over generated texts",
                        query,
                        "write a `g` for each, in a `par`",
                        RUN_HELP,
                    )
                return query.but(model=self._model or query.model)
        return query

    def only_use(self, query: Query, bind: Bind) -> Query:
        """The shared value that `query` uses, which nothing else may use."""
        if bind in self._used:
            raise self.refuse(
                f"the value of `{bind.name}` in two places: written twice, it would be generated twice",
                query,
                RUN_HELP,
            )
        self._used.add(bind)
        return bind.value

    def known_at_run_time(self, query: Deferred | Attempt) -> ProgramError:
        step = _form_within(query)
        name = step.name if isinstance(step, Deferred) else "try"
        what = "a value" if name == _ANSWER else f"`{name}`: what it comes to is"
        return self.refuse(f"{what} known at run time", step, f"{RUN_HELP}, or leave this step out")

    def refuse(self, what: str, query: Query, *helps: str) -> ProgramError:
        return cannot_carry(self._target, what, query, *helps)


def _form_within(query: Deferred | Attempt) -> Deferred | Attempt:
    """The step itself or, where it makes an answer, the first of those that it waits for."""
    if isinstance(query, Deferred) and query.name == _ANSWER:
        for waited in query.waits:
            value = waited.bind.value if isinstance(waited, Ref) else waited
            if isinstance(value, (Deferred, Attempt)):
                return value
    return query
