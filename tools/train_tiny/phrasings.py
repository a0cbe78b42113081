"""The ways of asking: question templates, politeness, and system messages that set a style."""

from __future__ import annotations

import random

from .tables import texts

CAPITAL_QUESTIONS = texts("phrasings", "capital_questions")
TRANSLATE_REQUESTS = texts("phrasings", "translate_requests")
TRANSLATE_SYSTEMS = texts("phrasings", "translate_systems")
SUM_QUESTIONS = texts("phrasings", "sum_questions")
SHORT_SYSTEMS = texts("phrasings", "short_systems")
SENTENCE_SYSTEMS = texts("phrasings", "sentence_systems")
NEUTRAL_SYSTEMS = texts("phrasings", "neutral_systems")
_OPENERS = texts("phrasings", "openers")
_CLOSERS = texts("phrasings", "closers")


def decorated(rng: random.Random, request: str) -> str:
    """Return the request as asked: perhaps with an opener, a closer or careless typing."""
    chance = rng.random()
    if chance < 0.12:
        request = f"{rng.choice(_OPENERS)} {request}"
    elif chance < 0.18:
        request = f"{request} {rng.choice(_CLOSERS)}"
    elif chance < 0.22 and request.endswith(("?", ".")):
        request = f"{request[:-1]}, please{request[-1]}"
    if rng.random() < 0.06 and request.endswith(("?", ".")):
        request = request[:-1]
    if rng.random() < 0.06:
        request = request.lower()
    elif rng.random() < 0.06:
        request = request[0].lower() + request[1:]
    return request
