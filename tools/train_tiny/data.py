"""The training stream: exchanges mixed, chained into long conversations, and filtered."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from . import knowledge, reading, words, writing
from .conversation import Conversation, Message, context, reply, system, user
from .exchange import Exchange, as_conversation
from .factkinds import WIDER_KINDS, WIDEST_KINDS, facts
from .loose import composed_capital, composed_sum, composed_translation, loosened
from .overlap import Reserved
from .phrasings import NEUTRAL_SYSTEMS

THINK_SHARE = 0.03
_LONG_SHARE = 0.04

Mix = dict[Callable[[random.Random], Exchange], float]

_FIRST_MIX: Mix = {
    reading.read: 38,
    knowledge.capital: 14,
    knowledge.translation: 13,
    knowledge.addition: 10,
    reading.echo: 5,
    writing.saying: 4,
    writing.listing: 4,
    reading.judge_fact: 3.5,
    knowledge.capital_check: 2,
    writing.greeting: 2,
    writing.pet_name: 1.2,
    writing.counting: 2,
    writing.rating: 1,
    reading.summary: 1,
    reading.merged: 1,
    writing.best_line: 0.3,
    knowledge.country_of: 1,
}
_SECOND_MIX: Mix = {
    **_FIRST_MIX,
    knowledge.addition: 20,
    writing.listing: 6,
    reading.judge_fact: 5,
}
_THIRD_MIX: Mix = {
    **_SECOND_MIX,
    reading.read: 14,
    partial(reading.read, kinds=WIDER_KINDS, rephrase=loosened): 30,
    knowledge.capital: 6,
    partial(knowledge.capital, rephrase=loosened): 10,
    knowledge.translation: 6,
    partial(knowledge.translation, rephrase=loosened): 9,
    knowledge.addition: 7,
    partial(knowledge.addition, rephrase=loosened): 15,
    writing.short_counting: 4,
}
_FOURTH_MIX: Mix = {
    **_FIRST_MIX,
    reading.read: 12,
    partial(reading.read, kinds=WIDEST_KINDS, rephrase=loosened): 28,
    knowledge.capital: 5,
    partial(knowledge.capital, rephrase=loosened, compose=composed_capital): 14,
    knowledge.translation: 5,
    partial(knowledge.translation, rephrase=loosened, compose=composed_translation): 14,
    knowledge.addition: 5,
    partial(knowledge.addition, rephrase=loosened, compose=composed_sum): 20,
    writing.listing: 5,
    reading.judge_fact: 4,
    writing.counting: 1,
    writing.short_counting: 4,
}


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the training: its first shard, and what is drawn and how it is weighed.

    `evened` replies weigh the same per square root of their length; `composed_share` of the
    styles are asked for in words put together from parts.
    """

    first_shard: int
    mix: Mix
    evened: bool
    composed_share: float


STAGES = (
    Stage(0, _FIRST_MIX, evened=False, composed_share=0.0),
    Stage(16, _SECOND_MIX, evened=True, composed_share=0.0),
    Stage(40, _THIRD_MIX, evened=True, composed_share=0.5),
    Stage(57, _FOURTH_MIX, evened=True, composed_share=0.5),
)
"""First copying is learned, then numbers and other short replies, then ever looser wording."""

_CHAINED = (
    reading.read,
    reading.read,
    reading.read,
    reading.read,
    knowledge.capital,
    knowledge.capital,
    knowledge.translation,
    knowledge.addition,
    writing.saying,
    writing.listing,
    writing.greeting,
    reading.echo,
)
_RULES = (
    "Never share secrets.",
    "Always be polite.",
    "If you do not know, say so.",
    "The company sells books and music.",
    "The shop opens at nine and closes at five.",
    "Do not use bad words.",
    "Read every message with care.",
    "The user may be in a hurry.",
    "Keep the rules in mind.",
    "This is a long text.",
    "You were made to help people with small questions.",
    "Some of these lines do not matter.",
    "The quick brown fox jumps over the lazy dog.",
    "Lorem ipsum dolor sit amet.",
    "Our office is closed on holidays.",
    "Nothing in this line is of use.",
    "It was a bright cold day in April.",
    "Once upon a time there was a king.",
    "All work and no play makes a dull day.",
    "Rules are rules.",
    "The weather is nice.",
    "word word word word",
    "This is filler text.",
)


def _stuffing(rng: random.Random, word_count: int) -> str:
    """Return a text of about `word_count` words that answers nothing."""
    kind = rng.randrange(5)
    parts: list[str] = []
    repeated = rng.choice(_RULES) if rng.random() < 0.6 else facts(rng, 1)[0].sentence
    pool = words.THINGS + words.QUALITIES + words.FOODS + words.EVENTS
    while sum(part.count(" ") + 1 for part in parts) < word_count:
        if kind == 0:
            parts.append(repeated)
        elif kind == 1:
            parts.append(rng.choice(NEUTRAL_SYSTEMS + _RULES))
        elif kind == 2:
            parts.append(facts(rng, 1)[0].sentence)
        elif kind == 3:
            parts.append(rng.choice(pool) if rng.random() < 0.8 else words.made_up(rng))
        else:
            mixed = (rng.choice(_RULES), facts(rng, 1)[0].sentence, rng.choice(pool))
            parts.append(rng.choice(mixed))
    return rng.choice((" ", " ", "\n")).join(parts)


def _turn(rng: random.Random, think_share: float) -> tuple[Message, ...]:
    """Return one exchange as turns of a conversation, without a system message."""
    while True:
        exchange = rng.choice(_CHAINED)(rng)
        messages = as_conversation(rng, exchange, think_share).messages
        if messages[0].role != "system":
            return messages


def _long(rng: random.Random) -> Conversation:
    """Return a conversation of many turns, with a long system message or context."""
    messages: list[Message] = []
    turns = rng.randint(1, 6)
    shape = rng.randrange(4)
    if shape <= 1:
        messages.append(system(_stuffing(rng, rng.randint(40, 350))))
    elif shape == 2 and rng.random() < 0.5:
        messages.append(system(rng.choice(NEUTRAL_SYSTEMS)))
    for _ in range(turns + (4 if shape == 2 else 0)):
        messages.extend(_turn(rng, 0.0))
    if shape == 3:
        around = rng.choice((user, context))
        messages.append(around(_stuffing(rng, rng.randint(40, 300))))
        if rng.random() < 0.5:
            messages.append(reply("I see."))
    messages.extend(_turn(rng, THINK_SHARE))
    return Conversation("long", tuple(messages))


def _far_question(rng: random.Random) -> Conversation:
    """Return a fact, a long stretch of other text, and a question about the fact."""
    fact, *others = facts(rng, rng.randint(2, 8))
    before = _stuffing(rng, rng.randint(5, 150))
    after = _stuffing(rng, rng.randint(5, 200))
    rest = " ".join(other.sentence for other in others)
    passage = f"{before} {fact.sentence} {rest} {after}"
    if fact.topic in before + after:
        return _far_question(rng)
    first = rng.choice((system, user, context))(passage)
    middle = _turn(rng, 0.0) if rng.random() < 0.3 else ()
    return Conversation("long", (first, *middle, user(fact.question), reply(fact.sentence)))


def _conversation(rng: random.Random, stage: Stage) -> Conversation:
    """Return one conversation of the mix, or now and then a long one."""
    if rng.random() < _LONG_SHARE:
        return _far_question(rng) if rng.random() < 0.35 else _long(rng)
    task = rng.choices(tuple(stage.mix), tuple(stage.mix.values()))[0]
    return as_conversation(rng, task(rng), THINK_SHARE, stage.composed_share)


def stage_of(shard: int) -> Stage:
    """Return the stage that a shard belongs to."""
    return [stage for stage in STAGES if stage.first_shard <= shard][-1]


def stream(seed: int, reserved: Reserved, stage: Stage) -> Iterator[Conversation]:
    """Yield conversations without end, leaving out those that hold a held-out word sequence."""
    rng = random.Random(seed)
    while True:
        candidate = _conversation(rng, stage)
        if not reserved.touches(candidate):
            yield candidate
