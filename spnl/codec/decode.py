"""Decoding: items to a query, or the error that says where they are none.

Imports `items`, `names` and `query`. The schema is upstream's (docs/upstream.md), but nothing is passed over:
an unknown key, a second tag or a number out of range is an error with its path and its place. Recursion is
bounded by the readers' limit on depth.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from spnl.codec.items import Item, Unclear, described
from spnl.codec.names import OTHERS, ROLES, STRUCTURES
from spnl.errors import ProgramError, did_you_mean
from spnl.query import Generate, Map, Message, Monad, Print, Query, Repeat, Role, Sampling, Structure, Zip
from spnl.source import Span
from spnl.values import preview

MAX_REPEAT: Final = 255
MAX_TOKENS: Final = 2**31 - 1
"""The largest numbers that upstream's types hold."""

MAX_STEPS: Final = 8
"""How many steps of a path a message shows."""

METADATA: Final = ("model", "max_tokens", "temperature")


class At(NamedTuple):
    """An item, and the way to it: the item it is in, and the key or index there."""

    item: Item
    outer: At | None = None
    step: str | int = ""

    @property
    def path(self) -> str:
        """The way from the top, as in JSONPath: `$.g.input.seq[2]`. A long one lacks its beginning."""
        steps: list[str] = []
        at = self
        while at.outer is not None:
            if len(steps) == MAX_STEPS:
                steps.append("…")
                break
            steps.append(_step(at.step))
            at = at.outer
        return "$" + "".join(reversed(steps))

    def error(self, message: str, *helps: str, span: Span | None = None) -> ProgramError:
        """An error here, or at a place within."""
        return ProgramError("bad-query", f"`{self.path}` {message}", span=span or self.item.span, helps=helps)

    def wrong(self, due: str, *helps: str) -> ProgramError:
        """The error of an item of the wrong kind."""
        return self.error(f"takes {due}, but this is {described(self.item)}", *helps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() and len(step) <= 24 else f"[{preview(step)}]"


def decode(item: Item) -> Query:
    """The query that an item is. Raises `ProgramError`."""
    return _query(At(item))


def _query(at: At) -> Query:
    members = at.item.value
    if not isinstance(members, dict):
        raise at.wrong("a query", *_query_helps(at.item))
    for index, (tag, member) in enumerate(members.items()):
        if tag not in _DECODERS:
            raise _unknown_tag(at, tag, member.key)
        if index:
            raise at.error(
                f"has {len(members)} keys, but a query has one, which says what it is",
                "put each into an object of its own, in the list of a `seq`",
                span=member.key,
            )
    for tag, member in members.items():
        return _DECODERS[tag](At(member.item, at, tag), at.item.span)
    raise at.error("is empty, but a query has one key, which says what it is", _TAGS_HELP)


def _query_helps(item: Item) -> tuple[str, ...]:
    """How to make a query of what is none."""
    if isinstance(item.value, str):
        return (f'write `{{"user": {preview(item.value)}}}`',)
    return ('write `{"seq": […]}`',) if isinstance(item.value, list) else (_TAGS_HELP,)


def _unknown_tag(at: At, tag: str, span: Span) -> ProgramError:
    if tag == "augment":
        return at.error(
            "is an `augment`: retrieval is not part of spnl",
            "put the texts that it would find into the query, as messages of the user",
            span=span,
        )
    helps = did_you_mean(tag, _DECODERS) or (_TAGS_HELP,)
    return at.error(f"has the key {preview(tag)}, which is no kind of query", *helps, span=span)


def _message(role: Role, at: At, span: Span) -> Query:
    return Message(role, _text(at), span=span)


def _structure(kind: type[Structure], at: At, span: Span) -> Query:
    return kind(tuple([_query(child) for child in _list(at, "a list of queries")]), span=span)


def _generate(at: At, span: Span) -> Generate:
    members = _members(at, (*METADATA, "input"), ("model", "input"))
    model, sampling = _metadata(members)
    return Generate(model, _query(members["input"]), sampling, span=span)


def _repeat(at: At, span: Span) -> Query:
    members = _members(at, ("n", "g"), ("n", "g"))
    n = _whole(members["n"], 1, MAX_REPEAT)
    generate = members["g"]
    return Repeat(n, _generate(generate, generate.item.span), span=span)


def _map(at: At, span: Span) -> Query:
    members = _members(at, ("metadata", "inputs"), ("metadata", "inputs"))
    model, sampling = _metadata(_members(members["metadata"], METADATA, ("model",)))
    texts = tuple([_input(text) for text in _list(members["inputs"], "a list of texts")])
    return Map(model, texts, sampling, span=span)


def _input(at: At) -> str:
    """An input of a `map`; the language refuses an empty one too."""
    text = _text(at)
    if not text:
        message = f"`{at.path}` comes to nothing, so there is nothing to reply to"
        raise ProgramError("empty-input", message, span=at.item.span, helps=("leave it out",))
    return text


def _zip(at: At, span: Span) -> Query:
    members = _members(at, ("first", "second"), ("first", "second"))
    return Zip(_query(members["first"]), _query(members["second"]), span=span)


def _monad(at: At, span: Span) -> Query:
    return Monad(_query(at), span=span)


def _print(at: At, span: Span) -> Query:
    return Print(_text(at), span=span)


_DECODERS: Final[dict[str, Callable[[At, Span], Query]]] = {
    **{name: partial(_message, role) for name, role in ROLES.items()},
    **{name: partial(_structure, kind) for name, kind in STRUCTURES.items()},
    OTHERS[Generate]: _generate,
    OTHERS[Repeat]: _repeat,
    OTHERS[Map]: _map,
    OTHERS[Zip]: _zip,
    OTHERS[Monad]: _monad,
    OTHERS[Print]: _print,
}
_TAGS_HELP: Final = f"the kinds of query are {', '.join(_DECODERS)}"


def _metadata(members: dict[str, At]) -> tuple[str, Sampling]:
    """The model and the sampling. What is absent, or null, is what the program does not say.

    Upstream reads an absent temperature as 0.6 and absent tokens as 0, which means none: our defaults.
    """
    max_tokens = temperature = None
    if "max_tokens" in members and members["max_tokens"].item.value is not None:
        max_tokens = _whole(members["max_tokens"], 0, MAX_TOKENS) or None
    if "temperature" in members and members["temperature"].item.value is not None:
        temperature = _temperature(members["temperature"])
    return _text(members["model"]), Sampling(max_tokens=max_tokens, temperature=temperature)


def _members(at: At, known: tuple[str, ...], required: tuple[str, ...]) -> dict[str, At]:
    """The members of an object, which has no keys but the `known` ones, and all those `required`."""
    members = at.item.value
    if not isinstance(members, dict):
        raise at.wrong(f"an object with {_listed(known)}")
    for key, member in members.items():
        if key not in known:
            helps = did_you_mean(key, known) or (f"its keys are {_listed(known)}",)
            raise at.error(f"has no key {preview(key)}", *helps, span=member.key)
    for key in required:
        if key not in members:
            span = at.item.span
            raise at.error(f"needs `{key}`", f"add `{key}` to it", span=span._replace(end=span.start + 1))
    return {key: At(member.item, at, key) for key, member in members.items()}


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _list(at: At, due: str) -> list[At]:
    if not isinstance(at.item.value, list):
        raise at.wrong(due, "write it between `[` and `]`")
    return [At(item, at, index) for index, item in enumerate(at.item.value)]


def _text(at: At) -> str:
    value = at.item.value
    if isinstance(value, str):
        return value if value.isascii() else _whole_characters(at, value)
    written = value.text if isinstance(value, Unclear) else at.item.span.text
    scalar = not isinstance(value, (list, dict)) and written
    raise at.wrong("a text", *((f"write `{json.dumps(written, ensure_ascii=False)}`",) if scalar else ()))


def _whole_characters(at: At, text: str) -> str:
    """A text in which escapes that are halves of one character, as JSON has them, are that character."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        helps = "write both halves: `\\ud83d\\ude00`"
        raise at.error("holds half a character, which is no text", helps) from None


def _whole(at: At, low: int, high: int) -> int:
    value = at.item.value
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise at.wrong(f"a whole number from {low} to {high}", *_number_helps(at.item))


def _temperature(at: At) -> float:
    value = at.item.value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
        return value
    raise at.wrong("a number, at least 0", *_number_helps(at.item))


def _number_helps(item: Item) -> tuple[str, ...]:
    """What to do with a number that stands in quotes, or is written in a way of YAML's own."""
    if isinstance(item.value, Unclear):
        return ("write a plain decimal number",)
    if isinstance(item.value, str):
        if item.value.startswith("{"):
            return ("templates are not filled in: write the number itself",)
        try:
            float(item.value)
        except ValueError:
            return ()
        return (f"write {preview(item.value)} without the quotes",)
    return ()
