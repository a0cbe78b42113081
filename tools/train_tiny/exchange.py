"""An exchange: a prompt with its replies in each style, and how a style is asked for."""

from __future__ import annotations

import random
from dataclasses import dataclass

from . import phrasings
from .conversation import Conversation, Message, reply, system, thoughtful, user
from .loose import composed_style


@dataclass(frozen=True, slots=True)
class Exchange:
    """A prompt and what may be said to it.

    `full` is a sentence and `short` a word or value; `default` is one of the two. An exchange
    without `short` has the same reply whatever style is asked for.
    """

    task: str
    prompt: tuple[Message, ...]
    default: str
    thought: str
    full: str = ""
    short: str = ""


def _styled(rng: random.Random, exchange: Exchange, composed_share: float) -> tuple[tuple[Message, ...], str]:
    """Return the prompt under a style picked at random, and the reply due to it."""
    chance = rng.random()
    has_system = exchange.prompt[0].role == "system"
    styled = bool(exchange.short)
    if not styled or chance < 0.5:
        if not has_system and rng.random() < 0.18:
            wordings = phrasings.NEUTRAL_SYSTEMS
            if not styled and rng.random() < 0.4:
                wordings = phrasings.SHORT_SYSTEMS + phrasings.SENTENCE_SYSTEMS
            return (system(rng.choice(wordings)), *exchange.prompt), exchange.default
        return exchange.prompt, exchange.default
    is_short = chance < 0.78
    wordings = phrasings.SHORT_SYSTEMS if is_short else phrasings.SENTENCE_SYSTEMS
    wording = rng.choice(wordings)
    if composed_share and rng.random() < composed_share:
        wording = composed_style(rng, is_short)
    text = exchange.short if is_short else exchange.full
    place = rng.random()
    if place < 0.2:
        *before, last = exchange.prompt
        joined = f"{last.text} {wording}" if rng.random() < 0.5 else f"{wording} {last.text}"
        return (*before, Message(last.role, joined)), text
    if has_system:
        first, *rest = exchange.prompt
        joined = f"{wording} {first.text}" if rng.random() < 0.5 else f"{first.text} {wording}"
        return (system(joined), *rest), text
    if place < 0.4:
        neutral_text = rng.choice(phrasings.NEUTRAL_SYSTEMS)
        wording = f"{neutral_text} {wording}" if rng.random() < 0.7 else f"{wording} {neutral_text}"
    return (system(wording), *exchange.prompt), text


def as_conversation(
    rng: random.Random, exchange: Exchange, think_share: float, composed_share: float = 0.0
) -> Conversation:
    """Return the exchange as a conversation of one reply, thought out now and then.

    `composed_share` of the styles are asked for in words put together from parts.
    """
    prompt, text = _styled(rng, exchange, composed_share)
    answer = thoughtful(exchange.thought, text) if rng.random() < think_share else reply(text)
    return Conversation(exchange.task, (*prompt, answer))


def asked(rng: random.Random, request: str) -> tuple[Message, ...]:
    """Return a request as the user's messages: mostly one, split at a colon now and then."""
    text = phrasings.decorated(rng, request)
    head, colon, tail = text.partition(": ")
    if colon and tail and rng.random() < 0.06:
        return (user(f"{head}:"), user(tail))
    return (user(text),)
