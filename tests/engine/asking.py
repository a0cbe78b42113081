"""Asks engines, and the engine's own package without anything of ours, so that the two can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import mistralrs

from spnl.backends.base import Chunk, Engine, Finish, Request
from spnl.backends.mistralrs.engine import MistralrsEngine
from spnl.query import Sampling

Messages = Sequence[tuple[str, str]]


class Answer(NamedTuple):
    """What came of a request."""

    text: str
    thought: str
    reason: str
    prompt_tokens: int
    completion_tokens: int


def request(messages: str | Messages, **sampling: Any) -> Request:
    """A request of one user message, or of several messages; greedy and short unless it says otherwise."""
    if isinstance(messages, str):
        messages = [("user", messages)]
    return Request(tuple(messages), Sampling(**{"max_tokens": 32, "temperature": 0.0, **sampling}))


def ask(engine: Engine, messages: str | Messages, **sampling: Any) -> Answer:
    """Ask one of our engines."""
    *chunks, finish = engine.stream(request(messages, **sampling))
    assert isinstance(finish, Finish)
    assert all(isinstance(chunk, Chunk) and (chunk.text or chunk.thought) for chunk in chunks)
    text = "".join(chunk.text for chunk in chunks if isinstance(chunk, Chunk))
    thought = "".join(chunk.thought for chunk in chunks if isinstance(chunk, Chunk))
    usage = finish.usage
    return Answer(text, thought, finish.reason, usage.prompt_tokens, usage.completion_tokens)


def plainly(runner: mistralrs.Runner, messages: str | Messages, **parameters: Any) -> Answer:
    """Ask the package itself."""
    if isinstance(messages, str):
        messages = [("user", messages)]
    asked = mistralrs.ChatCompletionRequest(
        messages=[{"role": role, "content": text} for role, text in messages],
        model="default",
        stream=True,
        **{"max_tokens": 32, "temperature": 0.0, **parameters},
    )
    responses = list(runner.send_chat_completion_request(asked))
    deltas = [response.choices[0].delta for response in responses]
    text = "".join(delta.content or "" for delta in deltas)
    thought = "".join(delta.reasoning_content or "" for delta in deltas)
    last = responses[-1]
    return Answer(
        text, thought, last.choices[0].finish_reason, last.usage.prompt_tokens, last.usage.completion_tokens
    )


def plain_runner(path: Path, **options: Any) -> mistralrs.Runner:
    """A GGUF file in the package's own hands."""
    return mistralrs.Runner(mistralrs.Which.GGUF(str(path.parent), path.name), **options)


def runner_of(engine: Engine) -> mistralrs.Runner:
    """The engine's own object behind one of ours."""
    assert isinstance(engine, MistralrsEngine)
    return engine._runner.current()
