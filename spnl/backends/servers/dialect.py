"""What differs between servers that speak OpenAI's API: the body of a request, for each kind of server.

The words of a request are those of upstream's own package (docs/upstream.md lists what differs). Imports
the seam and errors.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from spnl.backends.base import Request
from spnl.errors import ProgramError
from spnl.frozen import Frozen
from spnl.query import Sampling, Think

_WORDS = {
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "stop": "stop",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "repetition_penalty": "repetition_penalty",
    "seed": "seed",
    "ignore_eos": "ignore_eos",
}
"""Parameters that are sent as they are, by the names that vLLM and mistral.rs have for them."""

_NOT_IN_OPENAI = ("top_k", "min_p", "repetition_penalty", "ignore_eos")


def _by_template(think: Think) -> dict[str, Any]:
    """Thinking as vLLM, SGLang, llama.cpp and mistral.rs take it: a word of effort, or the template's own."""
    if isinstance(think, str):
        return {"reasoning_effort": think}
    return {"chat_template_kwargs": {"enable_thinking": think}}


def _by_effort(think: Think) -> dict[str, Any]:
    """Thinking as Ollama and Gemini take it: one word of effort for all."""
    return {"reasoning_effort": think if isinstance(think, str) else "medium" if think else "none"}


class Dialect(Frozen):
    """A kind of server: one that is asked with messages or, where `is_completions`, with texts to complete.

    `token_words` are the names under which the limit of tokens is sent. `lacks` are the parameters that its
    API passes over in silence or has no word for. `parallel` is how many requests at once it is sent.
    """

    token_words: tuple[str, ...]
    lacks: tuple[str, ...]
    think: Callable[[Think], dict[str, Any]]
    parallel: int
    is_completions: bool = False

    def body(self, model: str, request: Request) -> dict[str, Any]:
        """The JSON of a chat request that streams. A `ProgramError` names a clause that cannot be sent."""
        sampling = request.sampling
        messages = [{"role": role, "content": text} for role, text in request.messages]
        return {
            **({} if self.is_completions else {"messages": messages}),
            "model": model,
            "stream": True,
            "stream_options": {"include_usage": True},
            **dict.fromkeys(self.token_words, sampling.max_tokens),
            "temperature": sampling.temperature,
            **self._given(sampling),
            **_constraint(request),
        }

    def _given(self, sampling: Sampling) -> dict[str, Any]:
        """What else the program says of sampling, in the words of the API."""
        words: dict[str, Any] = {}
        for name, value in sampling.given().items():
            if name in self.lacks:
                raise ProgramError(
                    "bad-sampling",
                    f"this kind of server does not take `{clause_of(name)}`",
                    helps=(f"leave `{clause_of(name)}` out",),
                )
            if name == "think":
                words.update(self.think(value))
            elif name in _WORDS:
                words[_WORDS[name]] = list(value) if isinstance(value, tuple) else value
        return words


def _constraint(request: Request) -> dict[str, Any]:
    """What the reply has to be, where OpenAI's API has a word for it."""
    if request.top_logprobs is not None:
        raise ProgramError("bad-sampling", "log probabilities are not asked of servers")
    if request.constraint is None:
        return {}
    if request.constraint.kind != "json_schema":
        raise ProgramError("bad-grammar", f"servers take a JSON schema, and no {request.constraint.kind}")
    schema = {"name": "reply", "strict": True, "schema": json.loads(request.constraint.text)}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


DIALECTS = {
    "openai": Dialect(("max_completion_tokens",), (), _by_template, parallel=16),
    # Gemini refuses requests with a seed as a whole.
    "gemini": Dialect(("max_completion_tokens",), (*_NOT_IN_OPENAI, "seed"), _by_effort, parallel=8),
    # Ollama knows the older word only, and passes over the newer one in silence.
    "ollama": Dialect(("max_completion_tokens", "max_tokens"), _NOT_IN_OPENAI, _by_effort, parallel=4),
    # As many inputs of a `map` as are asked for at once go into one request.
    "completions": Dialect(("max_tokens",), ("think",), _by_effort, parallel=256, is_completions=True),
}
"""The kinds of server, by the names that the configuration has for them."""

_CLAUSES = {
    "max_completion_tokens": "max-tokens",
    "reasoning_effort": "think",
    "chat_template_kwargs": "think",
    "enable_thinking": "think",
}


def clause_of(word: str) -> str:
    """The clause of the language that a word of a request stands for."""
    return _CLAUSES.get(word, word.replace("_", "-"))


def sampling_words(body: dict[str, Any]) -> tuple[str, ...]:
    """The words of a request that the program's sampling decides."""
    apart = ("messages", "model", "stream", "stream_options")
    return tuple(word for word in body if word not in apart)
