"""Loose wording: requests with words left out, swapped or added, so that few words must do."""

from __future__ import annotations

import random
from collections.abc import Callable

from .tables import texts

_DROPPABLE = frozenset(word for line in texts("loose", "droppable") for word in line.split())
_LEADS = texts("loose", "leads")
_TAILS = texts("loose", "tails")
_DETERMINERS = ("that", "our", "this", "my", "your")

Rephrase = Callable[[random.Random, str], str]
Compose = Callable[[random.Random], str]


def unchanged(rng: random.Random, request: str) -> str:
    """Return the request as it is; draws nothing."""
    return request


def loosened(rng: random.Random, request: str) -> str:
    """Return the request, or a template of one, with small words dropped, swapped or added."""
    dropping = rng.choice((0.0, 0.15, 0.3, 0.5))
    kept: list[str] = []
    for word in request.split(" "):
        bare = word.strip(".,?:!").lower()
        if bare in _DROPPABLE and rng.random() < dropping:
            continue
        swapped = bare == "the" and rng.random() < 0.2
        kept.append(rng.choice(_DETERMINERS) if swapped else word)
    text = " ".join(kept) or request
    if rng.random() < 0.35:
        text = f"{rng.choice(_LEADS)} {text}"
    if rng.random() < 0.15:
        text = f"{text.rstrip('.?')} {rng.choice(_TAILS)}{rng.choice(('?', '.', ''))}"
    return text


def _part(rng: random.Random, key: str) -> str:
    """Return one of the parts that the table has under a key."""
    return rng.choice(texts("loose", key))


def composed_capital(rng: random.Random) -> str:
    """Return a template of a request for the capital of `{c}`, put together from parts."""
    if rng.random() < 0.4:
        return _part(rng, "capital_wholes").replace("{v}", _part(rng, "capital_verbs"))
    topic, ask = _part(rng, "capital_topics"), _part(rng, "capital_asks")
    return f"{ask} {topic}" if rng.random() < 0.2 else f"{topic} {ask}"


def composed_translation(rng: random.Random) -> str:
    """Return a template of a request for `{w}` in `{l}`, put together from parts."""
    if rng.random() < 0.5:
        return _part(rng, "translate_wholes").replace("{v}", _part(rng, "translate_verbs"))
    word, language = _part(rng, "translate_words"), _part(rng, "translate_languages")
    join = _part(rng, "translate_joins")
    both = f"{language}{join}{word}" if rng.random() < 0.4 else f"{word}{join}{language}"
    return f"{both}{rng.choice(('', '', '?', '.'))}"


def composed_sum(rng: random.Random) -> str:
    """Return a template of a request for the sum of `{a}` and `{b}`, put together from parts."""
    pair = _part(rng, "sum_pairs")
    if rng.random() < 0.6:
        pair = f"{_part(rng, 'sum_verbs')}{_part(rng, 'sum_objects')} {pair}"
    return f"{pair}{_part(rng, 'sum_tails')}"


def composed_style(rng: random.Random, short: bool) -> str:
    """Return a system message, put together from parts, that asks for a word or for a sentence."""
    verb, link = _part(rng, "style_verbs"), _part(rng, "style_links")
    form = _part(rng, "short_forms" if short else "sentence_forms")
    ending = _part(rng, "style_endings")
    chance = rng.random()
    if chance < 0.55:
        wording = f"{verb} {link} {form}"
    elif chance < 0.75:
        wording = f"Your {_part(rng, 'style_nouns')} {form}"
    else:
        wording = form
    wording = f"{wording}{ending}"
    return wording[0].upper() + wording[1:]
