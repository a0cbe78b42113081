"""Messages: what is said to a model, and by whom."""

from spnl.forms.registry import Call, form
from spnl.forms.types import Part
from spnl.query import Message, Query, Role
from spnl.values import concat


@form("system", at_least=1)
def system(call: Call, *texts: Part) -> Query:
    """A message that tells the model how to behave; texts are joined without a separator.

    (g (seq (system "Answer with one word.") (user "What is the capital of Italy?")))
    """
    return _message("system", texts, call)


@form("user", at_least=1)
def user(call: Call, *texts: Part) -> Query:
    """A message from the person who asks; texts are joined without a separator.

    (g (user "What is " 2 " + " 2 "?"))
    """
    return _message("user", texts, call)


@form("assistant", at_least=1)
def assistant(call: Call, *texts: Part) -> Query:
    """A message as if the model had said it; texts are joined without a separator.

    (g (seq (user "Hello") (assistant "Hello! Ask me something.") (user "What is 3 + 4?")))
    """
    return _message("assistant", texts, call)


def _message(role: Role, texts: tuple[str | Query, ...], call: Call) -> Query:
    return Message(role, concat(texts, role, call.span), span=call.span)
