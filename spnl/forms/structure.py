"""Structures: how queries depend on each other."""

from spnl.forms.registry import Call, form
from spnl.forms.types import Part, QueryArg
from spnl.query import Cross, Monad, Par, Plus, Print, Query, Seq, Structure, Zip
from spnl.values import concat


@form("seq")
def seq(call: Call, *queries: QueryArg) -> Query:
    """Queries that run, and are read, one after another.

    (seq (g "What is the capital of France?") (g "What is 2 + 3?"))
    """
    return _structure(Seq, queries, call)


@form("cross")
def cross(call: Call, *queries: QueryArg) -> Query:
    """Queries that run in order; the last attends to all before it.

    (g (cross (system "Answer with one word.") (user "What is the capital of Spain?")))
    """
    return _structure(Cross, queries, call)


@form("par")
def par(call: Call, *queries: QueryArg) -> Query:
    """Queries that run independently of each other.

    (par (g "What is 1 + 2?") (g "What is 3 + 4?"))
    """
    return _structure(Par, queries, call)


@form("plus")
def plus(call: Call, *queries: QueryArg) -> Query:
    """Queries that run independently, and whose order in a prompt does not matter.

    (g (cross (plus "The lamp is green." "The box is heavy.") "What colour is the lamp?"))
    """
    return _structure(Plus, queries, call)


@form("zip")
def zip_(call: Call, first: QueryArg, second: QueryArg) -> Query:
    """Pair each result of the second query with a copy of the first.

    The first is evaluated once. Where it is a `plus`, each pair is a `plus` of it and one result; else copies
    and results take turns.

    (zip "Answer:" (par (g "What is 1 + 1?") (g "What is 2 + 2?")))
    """
    return Zip(first, second, span=call.span)


@form("monad")
def monad(call: Call, *queries: QueryArg) -> Query:
    """Run queries for their effect, and contribute nothing: to warm a model's cache, say.

    (seq (monad (g "Hello" (max-tokens 1))) (g "What is 5 + 5?"))
    """
    return Monad(_structure(Seq, queries, call) if len(queries) != 1 else queries[0], span=call.span)


@form("print", at_least=1)
def print_(call: Call, *texts: Part) -> Query:
    """Write a line to the output, in its place; it is no part of a prompt.

    (seq (print "Asking for a sum.") (g "What is 4 + 4?"))
    """
    return Print(concat(texts, "print", call.span), span=call.span)


def _structure(kind: type[Structure], queries: tuple[Query, ...], call: Call) -> Query:
    return kind(queries, span=call.span)
