"""Sugar: queries that bring several answers together."""

from spnl.forms.number_types import Positive
from spnl.forms.registry import Call, form
from spnl.forms.sampling_types import ModelName
from spnl.forms.shapes import needs
from spnl.forms.types import QueryArg
from spnl.query import Cross, Generate, Message, Query

_PLAIN = "You bring together what other assistants have answered. Write plain text or JSON, never Markdown."


@form("extract", lone="body", named=("model", "n", "body"))
def extract(
    call: Call, model: ModelName | None = None, n: Positive = 1, body: QueryArg | None = None
) -> Query:
    """What is left of several answers when a model takes out each final answer, in its simplest form.

    (extract (n 2) (plus (g "What is 1 + 1?") (g "What is 2 + 2?")))
    """
    answers = "answer" if n == 1 else f"{n} answers"
    return _asked(call, model, body, f"Take the final {answers} out of the above, each in its simplest form.")


@form("combine", lone="body", named=("model", "body"))
def combine(call: Call, model: ModelName | None = None, body: QueryArg | None = None) -> Query:
    """Several answers made into one JSON list by a model.

    (combine (plus (g "What is 1 + 1?") (g "What is 2 + 2?")))
    """
    return _asked(call, model, body, "Merge the answers above into one flat JSON list, in the same order.")


def _asked(call: Call, model: str | None, body: Query | None, task: str) -> Query:
    if body is None:
        raise needs(call, "body", "give it the answers: `(plus (g …) (g …))`")
    parts = (
        Message("system", _PLAIN, span=call.span),
        body,
        Message("user", task, span=call.span),
    )
    return Generate(model, Cross(parts, span=call.span), span=call.span)
