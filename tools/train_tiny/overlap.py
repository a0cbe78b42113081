"""Keeps training text apart from the held-out prompts: no four words in a row in common."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from .conversation import Conversation

HELD_OUT = Path(__file__).parent / "heldout"
_SIZE = 4
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")

Gram = tuple[str, ...]


def grams(text: str) -> Iterator[Gram]:
    """Yield each run of four words of the text, lower-cased and without punctuation."""
    found = _WORD.findall(text.lower())
    for start in range(len(found) - _SIZE + 1):
        yield tuple(found[start : start + _SIZE])


def held_out_grams(folder: Path = HELD_OUT) -> set[Gram]:
    """Return the four-word runs of all held-out prompts, within and across messages."""
    held: set[Gram] = set()
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            messages = json.loads(line)["messages"]
            held.update(grams(" ".join(message["content"] for message in messages)))
    return held


def _whole_text(conversation: Conversation) -> str:
    """Return all messages of a conversation as one text."""
    return " ".join(message.text for message in conversation.messages)


class Reserved:
    """The held-out runs, and how many conversations were left out for each."""

    def __init__(self, held: set[Gram]) -> None:
        self._held = held
        self.left_out: Counter[Gram] = Counter()
        self.seen = 0

    def touches(self, conversation: Conversation) -> bool:
        """Tell whether the conversation shares a run with a held-out prompt."""
        self.seen += 1
        for gram in grams(_whole_text(conversation)):
            if gram in self._held:
                self.left_out[gram] += 1
                return True
        return False


def require_disjoint(texts: Iterable[str], held: set[Gram]) -> int:
    """Check rendered training texts against the held-out runs; return the runs checked.

    Raises:
        SystemExit: a training text shares four words in a row with a held-out prompt.
    """
    checked = 0
    for text in texts:
        for gram in grams(text):
            checked += 1
            if gram in held:
                raise SystemExit(f"held-out words {' '.join(gram)!r} in training text: {text!r}")
    return checked
