"""Shapes of facts: a sentence about a subject, its value, and a question that it answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from . import words
from .tables import texts

_GOODS = words.FOODS + [f"{thing}s" for thing in words.THINGS[:50]]
_COUNTED = words.FOODS[:6] + [f"{thing}s" for thing in words.THINGS[:60]]
_SUBJECTS_OF_STUDY = ["music", "history", "maths", "art", "law", "physics", "Latin"]
_VERBS: dict[str, tuple[str, list[str]]] = {
    "like": ("likes", words.FOODS + words.HOBBIES),
    "love": ("loves", words.FOODS + words.HOBBIES),
    "hate": ("hates", words.FOODS + words.HOBBIES),
    "eat": ("eats", words.FOODS),
    "sell": ("sells", _GOODS),
    "buy": ("buys", _GOODS),
    "make": ("makes", _GOODS),
    "want": ("wants", _GOODS),
    "need": ("needs", _GOODS),
    "play": ("plays", ["football", "tennis", "chess", "piano", "guitar", "violin", "cards"]),
    "study": ("studies", _SUBJECTS_OF_STUDY),
    "teach": ("teaches", _SUBJECTS_OF_STUDY),
    "speak": ("speaks", ["French", "Spanish", "German", "English", "Italian", "Latin", "Greek"]),
    "know": ("knows", words.PEOPLE),
    "meet": ("meets", words.PEOPLE),
    "visit": ("visits", words.CITIES),
}
_FAVOURITES: tuple[tuple[str, list[str]], ...] = (
    ("colour", words.COLOURS),
    ("food", words.FOODS),
    ("city", words.CITIES),
    ("animal", words.PETS),
    ("day", words.DAYS),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One stated fact. Two facts with one `key` would contradict each other."""

    key: tuple[str, str]
    sentence: str
    value: str
    question: str
    topic: str


def _asked(rng: random.Random, kind: str, subject: str, **slots: str) -> str:
    """Return a question of a kind about the subject."""
    template = rng.choice(texts("questions", kind))
    return template.format(s=subject, S=subject.capitalize(), **slots)


def _pick(rng: random.Random, pool: Sequence[str], made_up_share: float) -> str:
    """Return a word of the pool, or a made-up one."""
    return words.made_up(rng) if rng.random() < made_up_share else rng.choice(pool)


def _person(rng: random.Random) -> str:
    """Return a first name, at times made up."""
    return words.made_up_name(rng) if rng.random() < 0.25 else rng.choice(words.PEOPLE)


def _determiner(rng: random.Random) -> str:
    """Return `The`, at times another word in its place."""
    return rng.choice(("My", "Our", "This", "That", "Her")) if rng.random() < 0.12 else "The"


def _owner(rng: random.Random) -> str:
    """Return a word that can stand before a thing."""
    return rng.choice(("the", "the", "my", "our", "this", "a", "his", "her", "their", "your", "one"))


def _with_article(noun: str) -> str:
    """Return the noun after `a` or `an`."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _quality(rng: random.Random) -> Fact:
    """The lamp is green."""
    thing = _pick(rng, words.THINGS, 0.15)
    if rng.random() < 0.12:
        thing = f"{rng.choice(words.SIZES + words.QUALITIES)} {thing}"
    chance = rng.random()
    kind = "quality"
    if chance < 0.5:
        value = _pick(rng, words.COLOURS, 0.1)
        kind = "colour" if rng.random() < 0.75 else kind
    elif chance < 0.62:
        value = rng.choice(words.SIZES)
        kind = "size" if rng.random() < 0.5 else kind
    else:
        value = _pick(rng, words.QUALITIES, 0.12)
    verb = rng.choice(("was", "looks", "seems")) if rng.random() < 0.08 else "is"
    sentence = f"{_determiner(rng)} {thing} {verb} {value}."
    return Fact(("quality", thing), sentence, value, _asked(rng, kind, thing), f"the {thing}")


def _home(rng: random.Random) -> Fact:
    """Anna lives in Oslo."""
    name = _person(rng)
    city = words.made_up_name(rng) if rng.random() < 0.2 else rng.choice(words.CITIES)
    sentence = f"{name} lives in {city}."
    return Fact(("home", name), sentence, city, _asked(rng, "home", name), name)


def _event(rng: random.Random) -> Fact:
    """The meeting is on Monday."""
    event = _pick(rng, words.EVENTS, 0.1)
    chance = rng.random()
    if chance < 0.6:
        preposition, value, kind = "on", rng.choice(words.DAYS), "event_day"
    elif chance < 0.8:
        preposition, value, kind = "in", rng.choice(words.MONTHS), "event_month"
    else:
        preposition, value, kind = "at", str(rng.randint(1, 12)), "event_hour"
    question = _asked(rng, kind, event)
    verb = rng.choice(("begins", "takes place", "happens")) if rng.random() < 0.3 else "is"
    sentence = f"{_determiner(rng)} {event} {verb} {preposition} {value}."
    return Fact(("event", event), sentence, value, question, f"the {event}")


def _possession(rng: random.Random) -> Fact:
    """Tom has a red ball."""
    name = _person(rng)
    thing = _pick(rng, words.THINGS + words.PETS, 0.15)
    colour = rng.choice(words.COLOURS + words.SIZES + words.QUALITIES)
    plain = rng.random() < 0.25
    what = thing if plain else f"{colour} {thing}"
    sentence = f"{name} has {_with_article(what)}."
    key = ("possession", name)
    if not plain and colour in words.COLOURS and rng.random() < 0.5:
        question = _asked(rng, "possession_colour", f"{name}'s {thing}")
        return Fact(key, sentence, colour, question, name)
    return Fact(key, sentence, what, _asked(rng, "possession", name), name)


def _count(rng: random.Random) -> Fact:
    """Anna has three apples."""
    name = _person(rng)
    value = rng.choice(words.NUMBERS) if rng.random() < 0.5 else str(rng.randint(2, 40))
    things = rng.choice(_COUNTED)
    question = _asked(rng, "count", name, t=things)
    return Fact(("possession", name), f"{name} has {value} {things}.", value, question, name)


def _location(rng: random.Random) -> Fact:
    """The key is in the kitchen."""
    thing = _pick(rng, words.THINGS, 0.15)
    place = _pick(rng, words.PLACES, 0.1)
    preposition = rng.choice(("in", "in", "in", "on", "under", "behind", "near", "next to"))
    question = _asked(rng, "location", thing)
    value = f"{preposition} {rng.choice(('the', 'the', 'the', 'my', 'a'))} {place}"
    verb = rng.choice(("lies", "stands", "is kept")) if rng.random() < 0.25 else "is"
    sentence = f"{_determiner(rng)} {thing} {verb} {value}."
    return Fact(("place", thing), sentence, value, question, f"the {thing}")


def _profession(rng: random.Random) -> Fact:
    """Anna is a doctor."""
    name = _person(rng)
    job = _pick(rng, words.JOBS, 0.1)
    sentence = f"{name} is {_with_article(job)}."
    return Fact(("job", name), sentence, job, _asked(rng, "profession", name), name)


def _age(rng: random.Random) -> Fact:
    """Anna is 12 years old."""
    name = _person(rng)
    age = str(rng.randint(2, 99))
    sentence = f"{name} is {age} years old."
    return Fact(("age", name), sentence, age, _asked(rng, "age", name), name)


def _action(rng: random.Random) -> Fact:
    """Anna likes music."""
    name = _person(rng)
    base = rng.choice(tuple(_VERBS))
    third, objects = _VERBS[base]
    value = _pick(rng, objects, 0.12)
    question = _asked(rng, "action", name, v=base, vs=third)
    return Fact((base, name), f"{name} {third} {value}.", value, question, name)


def _code(rng: random.Random) -> Fact:
    """The password is 7421."""
    if rng.random() < 0.4:
        adjective = rng.choice(("launch", "door", "safe", "gate", "access", "order", "ticket"))
        subject = f"{adjective} {rng.choice(('code', 'number', 'word'))}"
    else:
        subject = rng.choice(words.CODE_NAMES)
    value = words.code_value(rng)
    sentence = f"The {subject} is {value}."
    return Fact(("code", subject), sentence, value, _asked(rng, "code", subject), f"the {subject}")


def _naming(rng: random.Random) -> Fact:
    """The dog is called Rex."""
    pet = rng.choice([*words.PETS, "ship", "project", "robot", "boat", "teacher", "king", "queen"])
    name = _person(rng)
    owner = _person(rng)
    subject, start = (f"the {pet}", f"The {pet}") if rng.random() < 0.5 else (f"{owner}'s {pet}",) * 2
    sentence = f"{start} is called {name}."
    return Fact(("name", pet), sentence, name, _asked(rng, "naming", subject), subject)


def _favourite(rng: random.Random) -> Fact:
    """Anna's favourite colour is blue."""
    name = _person(rng)
    what, pool = rng.choice(_FAVOURITES)
    value = _pick(rng, pool, 0.08)
    question = _asked(rng, "favourite", name, t=what)
    sentence = f"{name}'s favourite {what} is {value}."
    return Fact((f"favourite {what}", name), sentence, value, question, name)


def _price(rng: random.Random) -> Fact:
    """The lamp costs 12 euros."""
    thing = _pick(rng, words.THINGS, 0.1)
    value = f"{rng.randint(2, 99)} {rng.choice(('euros', 'dollars', 'pounds'))}"
    sentence = f"The {thing} costs {value}."
    return Fact(("price", thing), sentence, value, _asked(rng, "price", thing), f"the {thing}")


def _imagined_capital(rng: random.Random) -> Fact:
    """The capital of Blorf is Plim."""
    country, city = words.made_up_name(rng), words.made_up_name(rng)
    question = _asked(rng, "imagined_capital", country)
    sentence = f"The capital of {country} is {city}."
    return Fact(("capital", country), sentence, city, question, f"the capital of {country}")


def _stay(rng: random.Random, made_up_verb: bool = False) -> Fact:
    """Our key hides behind a clock."""
    thing = _pick(rng, words.THINGS, 0.2)
    verb = rng.choice(("lies", "sits", "hides", "rests", "waits", "hangs", "remains", "was left"))
    if made_up_verb:
        verb = f"{words.made_up(rng)}s"
    place = f"{_owner(rng)} {_pick(rng, words.PLACES + words.THINGS, 0.15)}"
    value = f"{rng.choice(('in', 'in', 'on', 'under', 'behind', 'near', 'by'))} {place}"
    sentence = f"{_owner(rng).capitalize()} {thing} {verb} {value}."
    question = _asked(rng, "location", thing)
    return Fact(("place", thing), sentence, value, question, f"the {thing}")


def _happening(rng: random.Random, made_up_verb: bool = False) -> Fact:
    """My exam ends on Friday."""
    event = _pick(rng, words.EVENTS, 0.2)
    verb = rng.choice(("begins", "ends", "opens", "closes", "comes", "follows", "will be", "was"))
    if made_up_verb:
        verb = f"{words.made_up(rng)}s"
    value = rng.choice(words.DAYS) if rng.random() < 0.8 else words.made_up_name(rng)
    sentence = f"{_owner(rng).capitalize()} {event} {verb} on {value}."
    return Fact(("event", event), sentence, value, _asked(rng, "event_day", event), f"the {event}")


def _home_anyhow(rng: random.Random) -> Fact:
    """Anna stays in Oslo."""
    name = _person(rng)
    city = words.made_up_name(rng) if rng.random() < 0.3 else rng.choice(words.CITIES)
    verb = rng.choice(("stays", "works", "was born", "grew up", "sleeps", "is", "dwells"))
    return Fact(("home", name), f"{name} {verb} in {city}.", city, _asked(rng, "home", name), name)


Kinds = dict[Callable[[random.Random], Fact], int]
"""How often each shape of fact is drawn."""

COMMON_KINDS: Kinds = {
    _quality: 30,
    _home: 10,
    _event: 8,
    _possession: 8,
    _count: 4,
    _location: 8,
    _profession: 5,
    _age: 3,
    _action: 9,
    _code: 6,
    _naming: 4,
    _favourite: 4,
    _price: 3,
    _imagined_capital: 2,
}


WIDER_KINDS: Kinds = {**COMMON_KINDS, _stay: 12, _happening: 8, _home_anyhow: 3}
"""The same with further verbs."""

WIDEST_KINDS: Kinds = {
    **WIDER_KINDS,
    partial(_stay, made_up_verb=True): 8,
    partial(_happening, made_up_verb=True): 8,
}
"""The same with made-up verbs too."""


def facts(rng: random.Random, count: int, chosen: Kinds = COMMON_KINDS) -> list[Fact]:
    """Return `count` facts that do not contradict each other; often all of one kind."""
    kinds, weights = tuple(chosen), tuple(chosen.values())
    same = rng.choices(kinds, weights)[0] if rng.random() < 0.5 else None
    found: dict[tuple[str, str], Fact] = {}
    while len(found) < count:
        fact = (same or rng.choices(kinds, weights)[0])(rng)
        found.setdefault(fact.key, fact)
    return list(found.values())
