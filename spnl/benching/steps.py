"""What is measured: each step asks something, and makes samples of the times and tokens of the replies.

A step of one run is given the same texts for every model. Imports asking, prompts and frozen records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple, Protocol

from spnl.benching.asking import Asker, Messages, Timed
from spnl.benching.prompts import Prompts, question
from spnl.frozen import Frozen

SHORT_REPLY = 16
"""Tokens of a reply that is only there so that a prompt is read and kept."""

NOTHING_SAID = "I see."
"""What stands in a conversation where all that the model made was thought, or white space."""


class Measure(NamedTuple):
    """What a number is: its name for machines, and where there are several, the prompt's wanted length."""

    name: str
    length: int | None = None


class Sample(Frozen):
    """One measurement. `tokens` are those that the number is about, as the engine counted them."""

    measure: Measure
    value: float
    tokens: int = 0


class Step(Protocol):
    """Something that is asked in each run. `what` says it to people, `tokens` are read and made in it."""

    @property
    def what(self) -> str: ...

    @property
    def tokens(self) -> tuple[int, int]: ...

    def texts(self, prompts: Prompts) -> list[str]:
        """The prompts of one run."""
        ...

    def samples(self, asker: Asker, texts: Sequence[str]) -> Iterator[Sample]:
        """Ask, and tell what came of it; what cannot be known is left out. Raises what the engine raises."""
        ...


class Alone(Frozen):
    """One request with nothing else going on: how fast a prompt is read, and how fast the reply is made."""

    length: int
    reply: int

    @property
    def what(self) -> str:
        return f"prefill and decode, {self.length:,} tokens"

    @property
    def tokens(self) -> tuple[int, int]:
        return self.length, self.reply

    def texts(self, prompts: Prompts) -> list[str]:
        return [prompts.of_tokens(self.length)]

    def samples(self, asker: Asker, texts: Sequence[str]) -> Iterator[Sample]:
        timed = asker.ask(_asked(texts[0]), self.reply)
        read = timed.usage.prompt_tokens - timed.usage.cached_tokens
        yield from _known(Measure("prefill", self.length), timed.prefill_speed, read)
        yield from _known(Measure("decode", self.length), timed.decode_speed, timed.usage.completion_tokens)


class SameSystem(Frozen):
    """Two requests under one long system prompt: what reusing a prefix gains."""

    length: int

    @property
    def what(self) -> str:
        return "the same system prompt again"

    @property
    def tokens(self) -> tuple[int, int]:
        return self.length, 2 * SHORT_REPLY

    def texts(self, prompts: Prompts) -> list[str]:
        return [prompts.of_tokens(self.length)]

    def samples(self, asker: Asker, texts: Sequence[str]) -> Iterator[Sample]:
        first = asker.ask(_asked(texts[0]), SHORT_REPLY)
        again = asker.ask(_asked(texts[0], 1), SHORT_REPLY)
        yield Sample(Measure("system_first"), first.first_token_seconds, first.usage.prompt_tokens)
        yield Sample(Measure("system_again"), again.first_token_seconds, again.usage.prompt_tokens)
        yield from _gain("prefix_gain", first.first_token_seconds, again.first_token_seconds)
        yield from _known(Measure("system_reused"), again.reused)


class Turns(Frozen):
    """A conversation: how long the first reply is waited for, and how long each later one."""

    length: int
    turns: int = 5

    @property
    def what(self) -> str:
        return f"a conversation of {self.turns} turns"

    @property
    def tokens(self) -> tuple[int, int]:
        return self.length + (self.turns - 1) * 2 * SHORT_REPLY, self.turns * SHORT_REPLY

    def texts(self, prompts: Prompts) -> list[str]:
        return [prompts.of_tokens(self.length)]

    def samples(self, asker: Asker, texts: Sequence[str]) -> Iterator[Sample]:
        messages: Messages = (("system", texts[0]),)
        replies: list[Timed] = []
        for turn in range(self.turns):
            messages = (*messages, ("user", question(turn)))
            replies.append(asker.ask(messages, SHORT_REPLY))
            messages = (*messages, ("assistant", replies[-1].text.strip() or NOTHING_SAID))
        first, *later = replies
        shares = [timed.reused for timed in later if timed.reused is not None]
        seconds = median(timed.first_token_seconds for timed in later)
        yield Sample(Measure("turn_first"), first.first_token_seconds, first.usage.prompt_tokens)
        yield Sample(Measure("turn_later"), seconds, later[-1].usage.prompt_tokens)
        if shares:
            yield Sample(Measure("turn_reused"), median(shares))


class Together(Frozen):
    """As many requests one after another as at once: what running them together gains."""

    length: int
    reply: int
    count: int

    @property
    def what(self) -> str:
        return f"{self.count} requests at once"

    @property
    def tokens(self) -> tuple[int, int]:
        return 2 * self.count * self.length, 2 * self.count * self.reply

    def texts(self, prompts: Prompts) -> list[str]:
        return [prompts.of_tokens(self.length) for _ in range(2 * self.count)]

    def samples(self, asker: Asker, texts: Sequence[str]) -> Iterator[Sample]:
        asked = [_asked(text) for text in texts]
        alone = [asker.ask(messages, self.reply) for messages in asked[: self.count]]
        together = asker.ask_all(asked[self.count :], self.reply)
        before, after = _throughput(alone), _throughput(together)
        yield from _known(Measure("one_by_one"), before, _made(alone))
        yield from _known(Measure("at_once"), after, _made(together))
        if before and after:
            yield from _gain("together_gain", after, before)


def _asked(system: str, number: int = 0) -> Messages:
    return (("system", system), ("user", question(number)))


def _known(measure: Measure, value: float | None, tokens: int = 0) -> Iterator[Sample]:
    if value is not None:
        yield Sample(measure, value, tokens)


def _gain(name: str, over: float, under: float) -> Iterator[Sample]:
    if under > 0:
        yield Sample(Measure(name), over / under)


def _made(replies: Sequence[Timed]) -> int:
    return sum(timed.usage.completion_tokens for timed in replies)


def _throughput(replies: Sequence[Timed]) -> float | None:
    """Tokens a second of all replies together, from the first request to the last end."""
    seconds = max(timed.ended for timed in replies) - min(timed.opened for timed in replies)
    return _made(replies) / seconds if seconds > 0 and _made(replies) else None
