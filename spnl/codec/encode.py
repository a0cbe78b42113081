"""Encoding: a query to data that upstream's own package reads as the same query.

Imports `plain`, `names` and `query`. What a program leaves out is left out here too. `not-in-json`, with the
node's place, is raised for what upstream has no word for.
"""

from __future__ import annotations

from typing import Any, Final

from spnl.codec.decode import MAX_REPEAT, MAX_TOKENS
from spnl.codec.names import name_of
from spnl.codec.plain import RUN_HELP, cannot_carry, plain
from spnl.errors import ProgramError
from spnl.query import Generate, Map, Message, Monad, Par, Print, Query, Repeat, Seq, Structure, Zip

MAX_LEVELS: Final = 127
"""How deep the lists and objects of a text may be: upstream's parser goes no deeper."""

MAX_TEMPERATURE: Final = 3.4e38
"""The largest temperature that upstream's type holds."""

_MODEL_HELPS = ('name it in the program: `(model "NAME")`', "or name one for all of it: `--model NAME`")

_OWN_LEVELS = (((Message, Print, Monad), 1), ((Repeat, Map), 3))
"""How many lists and objects a node is made of, without what is in it; two for all others."""

Data = dict[str, Any]


def encode(query: Query, target: str = "JSON", model: str | None = None) -> Data:
    """The data of a query. `target` is what messages call the format; `model` replaces every model."""
    return _Encoder(target).node(plain(query, target, model), 1)


class _Encoder:
    """Encodes one plain query. `level` is how deep a node's object is within others, from 1."""

    def __init__(self, target: str) -> None:
        self._target = target

    def node(self, query: Query, level: int) -> Data:
        """The object of a node, whose one key says what it is."""
        if isinstance(query, Map) and query.system:
            query = _written_out(query, query.system)
        self.check_depth(query, level)
        return {name_of(query): self.content(query, level)}

    def content(self, query: Query, level: int) -> Any:
        """What stands under a node's name."""
        match query:
            case Message(text=text) | Print(text=text):
                return self.text(text, query)
            case Structure(children=children):
                return [self.node(child, level + 2) for child in children]
            case Generate():
                return self.generate(query, level + 2)
            case Repeat(n=n, generate=generate):
                if n > MAX_REPEAT:
                    raise self.refuse(
                        f"a `repeat` of more than {MAX_REPEAT}", query, "write several, in a `par`"
                    )
                return {"n": n, "g": self.generate(generate, level + 3)}
            case Map(inputs=inputs):
                metadata = self.metadata(query, query.model)
                return {"metadata": metadata, "inputs": [self.text(text, query) for text in inputs]}
            case Zip(first=first, second=second):
                return {"first": self.node(first, level + 2), "second": self.node(second, level + 2)}
        assert isinstance(query, Monad)
        return self.node(query.body, level + 1)

    def generate(self, query: Generate, input_level: int) -> Data:
        metadata = self.metadata(query, query.model)
        return {**metadata, "input": self.node(query.input, input_level)}

    def metadata(self, query: Generate | Map, model: str | None) -> Data:
        """The model, and what the program says of the sampling."""
        if model is None:
            raise self.refuse("a generation without a model", query, *_MODEL_HELPS)
        given = query.sampling.given() | query.handling.given()
        allowed: Data = {name: given.pop(name) for name in ("max_tokens", "temperature") if name in given}
        if given:
            clauses = ", ".join(f"`{name.replace('_', '-')}`" for name in given)
            raise self.refuse(clauses, query, f"leave {'it' if len(given) == 1 else 'them'} out", RUN_HELP)
        if allowed.get("max_tokens", 0) > MAX_TOKENS:
            raise self.refuse(f"a `max-tokens` of more than {MAX_TOKENS}", query, "write a smaller number")
        if allowed.get("temperature", 0) > MAX_TEMPERATURE:
            raise self.refuse("a `temperature` of more than 3.4e38", query, "write a smaller number")
        return {"model": self.text(model, query), **allowed}

    def text(self, text: str | Query, query: Query) -> str:
        assert isinstance(text, str), "a plain query holds no generated texts"
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self.refuse("bytes that are no text", query, "give the text as UTF-8") from None
        return text

    def check_depth(self, query: Query, level: int) -> None:
        """An error where the lists and objects that a node itself is made of are too deep."""
        own = next((levels for kinds, levels in _OWN_LEVELS if isinstance(query, kinds)), 2)
        if level + own - 1 > MAX_LEVELS:
            raise self.refuse(
                "queries as deep as this",
                query,
                "join what is read one after another into one `seq`",
            )

    def refuse(self, what: str, query: Query, *helps: str) -> ProgramError:
        return cannot_carry(self._target, what, query, *helps)


def _written_out(query: Map, system: str | Query) -> Par:
    """A `map` with a system message as what it means: upstream's has none."""
    span = query.span
    return Par(
        tuple(
            Generate(
                query.model,
                Seq((Message("system", system, span=span), Message("user", text, span=span)), span=span),
                query.sampling,
                query.handling,
                span=span,
            )
            for text in query.inputs
        ),
        span=span,
    )
