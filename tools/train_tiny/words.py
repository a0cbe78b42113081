"""Everyday words, names and made-up words that facts and lists are built from."""

from __future__ import annotations

import random

from .tables import word_list

COLOURS = word_list("colours")
SIZES = word_list("sizes")
QUALITIES = word_list("qualities")
THINGS = word_list("things")
PEOPLE = word_list("people")
CITIES = word_list("cities")
PLACES = word_list("places")
EVENTS = word_list("events")
DAYS = word_list("days")
MONTHS = word_list("months")
FOODS = word_list("foods")
HOBBIES = word_list("hobbies")
JOBS = word_list("jobs")
PETS = word_list("pets")
NUMBERS = word_list("numbers")
CAT_NAMES = word_list("cat_names")
DOG_NAMES = word_list("dog_names")
CODE_NAMES = (
    "password",
    "code",
    "secret word",
    "keyword",
    "magic word",
    "code word",
    "login",
    "PIN",
)

_ONSETS = word_list("onsets")
_VOWELS = word_list("vowels")
_CODAS = ["", "", "", *word_list("codas")]


def made_up(rng: random.Random) -> str:
    """Return a pronounceable word of one to three syllables that is most likely no English."""
    syllables = rng.choice((1, 2, 2, 2, 3))
    return "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS) for _ in range(syllables))


def made_up_name(rng: random.Random) -> str:
    """Return a made-up word with a capital letter."""
    return made_up(rng).capitalize()


def code_value(rng: random.Random) -> str:
    """Return a password-like value: digits, a made-up word or a word with digits."""
    kind = rng.randrange(4)
    if kind == 0:
        return str(rng.randrange(100, 10_000))
    if kind == 1:
        return made_up(rng)
    if kind == 2:
        return rng.choice(THINGS)
    return f"{rng.choice(COLOURS)}-{rng.choice(THINGS)}"
