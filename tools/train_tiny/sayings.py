"""Fixed answers: small talk, a few facts, lists, and lines to draw from."""

from __future__ import annotations

from .tables import table, texts

FIXED: dict[tuple[str, ...], tuple[str, ...]] = {
    tuple(group["prompts"]): tuple(group["replies"]) for group in table("sayings")["saying"]
}
"""Replies to each group of prompts; several replies are drawn from evenly."""

LISTS: dict[tuple[str, ...], tuple[str, ...]] = {
    tuple(group["names"]): tuple(group["items"]) for group in table("sayings")["list"]
}
"""Lists by the names of what they hold; the first n are given when n are asked for."""

GREETING_REQUESTS = texts("sayings", "greeting_requests")
GREETINGS = texts("sayings", "greetings")
GREETING_REQUESTS_FOR = texts("sayings", "greeting_requests_for")
GREETINGS_FOR = texts("sayings", "greetings_for")
CAT_REQUESTS = texts("sayings", "cat_requests")
DOG_REQUESTS = texts("sayings", "dog_requests")
LIST_REQUESTS = texts("sayings", "list_requests")
COUNT_REQUESTS = texts("sayings", "count_requests")
RATING_REQUESTS = texts("sayings", "rating_requests")
