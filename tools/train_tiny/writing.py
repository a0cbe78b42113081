"""Tasks with a text of its own for a reply: sayings, lists, names, counting, rating."""

from __future__ import annotations

import random

from . import sayings, words
from .conversation import Message, context, user
from .exchange import Exchange, asked
from .factkinds import facts
from .loose import loosened
from .phrasings import decorated

_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
_FIXED = tuple(sayings.FIXED.items())
_LISTS = tuple(sayings.LISTS.items())
_RATED_LINES = (
    *(("greeting", line) for line in sayings.GREETINGS),
    *(("name", name) for name in words.CAT_NAMES),
    *(
        (kind, line)
        for kind in ("email", "story", "joke", "text", "answer")
        for _, replies in _FIXED
        for line in replies
    ),
)


def saying(rng: random.Random) -> Exchange:
    """Ask for one of the fixed answers."""
    prompts, replies = rng.choice(_FIXED)
    prompt = asked(rng, rng.choice(prompts))
    return Exchange("sayings", prompt, rng.choice(replies), "The user asks a question.")


def greeting(rng: random.Random) -> Exchange:
    """Ask for a greeting, at times for somebody."""
    thought = "The user wants a greeting."
    if rng.random() < 0.3:
        name = words.made_up_name(rng) if rng.random() < 0.3 else rng.choice(words.PEOPLE)
        request = rng.choice(sayings.GREETING_REQUESTS_FOR).format(name)
        line = rng.choice(sayings.GREETINGS_FOR).format(name)
        return Exchange("greeting", (user(request),), line, thought)
    request = rng.choice(sayings.GREETING_REQUESTS)
    return Exchange("greeting", asked(rng, request), rng.choice(sayings.GREETINGS), thought)


def pet_name(rng: random.Random) -> Exchange:
    """Ask for a name for a cat or a dog."""
    for_cat = rng.random() < 0.8
    requests = sayings.CAT_REQUESTS if for_cat else sayings.DOG_REQUESTS
    names = words.CAT_NAMES if for_cat else words.DOG_NAMES
    prompt = asked(rng, rng.choice(requests))
    return Exchange("names", prompt, rng.choice(names), "The user wants a name.")


def listing(rng: random.Random) -> Exchange:
    """Ask for a list of two to five things; the reply has one a line."""
    names, items = rng.choice(_LISTS)
    name = rng.choice(names)
    count = rng.choice((2, 3, 3, 3, 3, 4, 5))
    number = _NUMBERS[count] if rng.random() < 0.7 else str(count)
    request = rng.choice(sayings.LIST_REQUESTS).format(n=number, t=name)
    thought = f"The user wants {_NUMBERS[count]} {name}."
    return Exchange("lists", asked(rng, request[0].upper() + request[1:]), "\n".join(items[:count]), thought)


def counting(rng: random.Random) -> Exchange:
    """Ask for the numbers from one to at most a hundred."""
    start = 1 if rng.random() < 0.8 else rng.randint(1, 40)
    tens = rng.random() < 0.3
    stop = rng.randrange(10, 101, 10) if tens else start + int(rng.triangular(2, 100 - start, 20))
    stop = min(100, max(stop, start + 1))
    request = rng.choice(sayings.COUNT_REQUESTS).format(a=start, b=stop)
    if start == 1 and rng.random() < 0.25:
        request = f"Count to {stop}."
    text = ", ".join(str(number) for number in range(start, stop + 1))
    return Exchange("counting", asked(rng, request), text, f"The user wants numbers to {stop}.")


def short_counting(rng: random.Random) -> Exchange:
    """Ask for numbers from one, mostly few, so that where to stop is what counts."""
    stop = min(100, round(2 ** rng.uniform(1, 6.7)))
    request = rng.choice(sayings.COUNT_REQUESTS).format(a=1, b=stop)
    if rng.random() < 0.2:
        request = f"Count to {stop}."
    text = ", ".join(str(number) for number in range(1, stop + 1))
    prompt = asked(rng, loosened(rng, request) if rng.random() < 0.5 else request)
    return Exchange("counting", prompt, text, f"The user wants numbers to {stop}.")


def rating(rng: random.Random) -> Exchange:
    """Ask for a score of a text; the reply is a lone number."""
    kind, line = rng.choice(_RATED_LINES)
    if rng.random() < 0.3:
        line = facts(rng, 1)[0].sentence
    score = str(rng.choices(range(1, 11), (1, 1, 2, 2, 3, 4, 7, 9, 6, 3))[0])
    prompt: tuple[Message, ...]
    if rng.random() < 0.75:
        prompt = (user(rng.choice(sayings.RATING_REQUESTS).format(k=kind, t=line)),)
    else:
        around = rng.choice((user, context))
        prompt = (around(line), user(decorated(rng, f"Rate this {kind} from 1 to 10.")))
    return Exchange("rating", prompt, score, "I must give a number.")


def best_line(rng: random.Random) -> Exchange:
    """Ask to pick among numbered lines; the reply is one of them."""
    lines = rng.sample(sayings.GREETINGS, rng.choice((2, 3, 4)))
    shown = "\n".join(f"{place}. {line}" for place, line in enumerate(lines, 1))
    request = rng.choice(("Pick the best:", "Which is the best?", "Choose the best greeting:"))
    return Exchange("merge", (user(f"{request}\n{shown}"),), lines[0], "I take the first.")
