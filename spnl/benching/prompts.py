"""Prompts of a wanted length, each with a beginning of its own, so that no cache knows it. Imports nothing.

A text is a random permutation of common words, said over and over. So texts of one length consist of the same
words and come to the same number of tokens, nearly always, whatever the tokenizer is.
"""

from __future__ import annotations

from random import Random

_WORDS = (
    "river", "stone", "window", "garden", "paper", "winter", "music", "bridge",
    "yellow", "market", "letter", "summer", "silver", "forest", "number", "animal",
)  # fmt: skip
_SUBJECTS = ("sea", "moon", "city", "king", "dog", "snow", "sun", "house")

PROBES = (len(_WORDS), 9 * len(_WORDS))
"""How many words the two prompts have from whose tokens the lengths of all others are worked out."""

_TOKENS_PER_WORD = 1.5
"""Where a model does not count; a word is then seldom less than one token, or more than two."""


class Prompts:
    """Makes prompts, each different from all before it and, `random` being seeded anew, from other runs'."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._per_word = _TOKENS_PER_WORD
        self._beside = 20.0

    def fit(self, few: int, many: int) -> None:
        """Learn how long prompts come out, from the tokens of prompts with so many words as `PROBES` says."""
        if few and many > few:
            self._per_word = (many - few) / (PROBES[1] - PROBES[0])
            self._beside = few - PROBES[0] * self._per_word

    def of_tokens(self, tokens: int) -> str:
        """The system's part of a prompt that is to have so many tokens, with its question and template."""
        return self.of_words(max(1, round((tokens - self._beside) / self._per_word)))

    def of_words(self, count: int) -> str:
        """A text of so many words."""
        order = self._random.sample(_WORDS, len(_WORDS))
        full, rest = divmod(count, len(_WORDS))
        return "Words: " + " ".join([*order * full, *_WORDS[:rest]])


def question(number: int) -> str:
    """What is asked: something that models have much to say to."""
    return f"Write a very long story about the {_SUBJECTS[number % len(_SUBJECTS)]}."
