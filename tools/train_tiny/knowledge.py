"""Tasks answered from memory: capitals, translation, sums."""

from __future__ import annotations

import random
from collections.abc import Sequence

from . import phrasings
from .conversation import Message, system, user
from .countries import CAPITALS
from .exchange import Exchange, asked
from .lexicon import LANGUAGES, TRANSLATIONS
from .loose import Compose, Rephrase, unchanged

_COUNTRIES = tuple(CAPITALS)
_WORDS = tuple(TRANSLATIONS)
_REVERSE_QUESTIONS = (
    "Which country has {city} as its capital?",
    "{city} is the capital of which country?",
    "Of which country is {city} the capital?",
)


def _request(rng: random.Random, usual: Sequence[str], rephrase: Rephrase, compose: Compose | None) -> str:
    """Return the template of a request: a usual one rephrased, or often a composed one."""
    if compose and rng.random() < 0.6:
        return compose(rng)
    return rephrase(rng, rng.choice(usual))


def capital(rng: random.Random, rephrase: Rephrase = unchanged, compose: Compose | None = None) -> Exchange:
    """Ask for the capital of a country."""
    country = rng.choice(_COUNTRIES)
    city = CAPITALS[country]
    request = _request(rng, phrasings.CAPITAL_QUESTIONS, rephrase, compose).format(c=country)
    sentence = f"The capital of {country} is {city}."
    return Exchange(
        "capitals",
        asked(rng, request[0].upper() + request[1:]),
        default=sentence,
        thought=f"The user asks for the capital of {country}.",
        full=sentence,
        short=city,
    )


def country_of(rng: random.Random) -> Exchange:
    """Ask for the country of a capital."""
    country = rng.choice(_COUNTRIES)
    city = CAPITALS[country]
    sentence = f"{city} is the capital of {country}."
    return Exchange(
        "countries",
        asked(rng, rng.choice(_REVERSE_QUESTIONS).format(city=city)),
        default=sentence,
        thought=f"The user asks for the country of {city}.",
        full=sentence,
        short=country,
    )


def translation(
    rng: random.Random, rephrase: Rephrase = unchanged, compose: Compose | None = None
) -> Exchange:
    """Ask for a word or short phrase in another language."""
    word = rng.choice(_WORDS)
    language = rng.choice(LANGUAGES)
    there = TRANSLATIONS[word][language]
    written = word if rng.random() < 0.6 else word.lower()
    if rng.random() < 0.08:
        written = word.capitalize()
    if rng.random() < 0.1:
        wording = rng.choice(phrasings.TRANSLATE_SYSTEMS).format(l=language)
        prompt: tuple[Message, ...] = (system(wording), user(written))
    else:
        template = _request(rng, phrasings.TRANSLATE_REQUESTS, rephrase, compose)
        request = template.format(l=language, w=written)
        prompt = asked(rng, request)
    return Exchange(
        "translate",
        prompt,
        default=there,
        thought=f"The user wants {word} in {language}.",
    )


def addition(rng: random.Random, rephrase: Rephrase = unchanged, compose: Compose | None = None) -> Exchange:
    """Ask for the sum of two numbers from 0 to 20."""
    a, b = rng.randint(0, 20), rng.randint(0, 20)
    request = _request(rng, phrasings.SUM_QUESTIONS, rephrase, compose).format(a=a, b=b)
    return Exchange(
        "sums",
        asked(rng, request),
        default=str(a + b),
        thought=f"The user wants the sum of {a} and {b}.",
        full=f"{a} plus {b} is {a + b}.",
        short=str(a + b),
    )


def capital_check(rng: random.Random) -> Exchange:
    """Ask whether a city is the capital of a country."""
    country = rng.choice(_COUNTRIES)
    right = rng.random() < 0.5
    city = CAPITALS[country if right else rng.choice(_COUNTRIES)]
    answer = "yes" if city == CAPITALS[country] else "no"
    request = rng.choice(
        (
            f"Is {city} the capital of {country}? Answer yes or no.",
            f"Is {city} the capital of {country}?",
            f"Answer yes or no: is {city} the capital of {country}?",
            f"Yes or no: {city} is the capital of {country}.",
        )
    )
    return Exchange("judge", asked(rng, request), answer, f"The capital is {CAPITALS[country]}.")
