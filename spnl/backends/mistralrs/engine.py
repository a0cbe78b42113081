"""One loaded model: requests in, chunks out.

What the engine asks of its callers, as measured with 0.9.5, and what is done about it:

- A `Runner` is not re-entrant: a second thread inside one of its methods gets `Already borrowed`. Every
  request is a stream, which is opened at once and consumed outside the runner, and a lock guards the opening.
- Two prompts that are prefilled in one step fail on quantised GGUF files (`input tensor is not contiguous`).
  So the lock is held until the first chunk has come: the prompt before the next one is then read.
- Sequences whose buffers are of different sizes kill it where it decodes them together: see `buffers`.
- Dropping a stream's iterator cancels its generation.
- Reply and thought come apart; tokens are counted by `usage` on the last chunk only.
- It holds Python's lock, or dies with the interpreter, at moments that `calls` and `runners` know of.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import finalize

from spnl.backends.base import Batching, Chunk, Finish, Logprob, Request, Usage
from spnl.backends.messages import check_messages
from spnl.backends.mistralrs.buffers import BLOCK, Buffers, Running
from spnl.backends.mistralrs.calls import Calls
from spnl.backends.mistralrs.failures import is_engine_failure, run_failure
from spnl.backends.mistralrs.runners import Renewable
from spnl.errors import GenerationError, ProgramError, SpnlError
from spnl.models.chat import ChatTemplate
from spnl.models.local import LocalModel
from spnl.query import Sampling
from spnl.setting_types import isq_type

if TYPE_CHECKING:
    from mistralrs import ChatCompletionChunkResponse, ChatCompletionRequest, Runner

_COLDEST = 1e-5  # what is colder takes the likeliest token anyhow, and divides beyond the largest number
_TURN_BYTES = 64  # what a chat template puts around a message, about
_LARGEST_COUNT = 2**31 - 1  # far above any context length; the engine takes no integer of any size


class MistralrsEngine:
    """A model in a `mistralrs.Runner`, which `rebuild` makes anew when it has taken too much memory.

    Without `rebuild` it stays; `built_in` is how many seconds building took. `template` is None for a base
    model, which completes a text; `has_isq`: its weights were quantised in loading; `adapter` is what the
    engine calls the adapter that every request uses.
    """

    def __init__(
        self,
        runner: Runner,
        model: LocalModel,
        template: ChatTemplate | None,
        parallel: int,
        has_isq: bool = False,
        adapter: str | None = None,
        batching: Batching | None = None,
        rebuild: Callable[[], Runner] | None = None,
        built_in: float = 0.0,
    ) -> None:
        self.parallel = parallel
        self.batching = batching or Batching(prefills=1)
        self._has_isq = has_isq
        self._runner = Renewable(runner, rebuild and partial(self._rebuilt, rebuild), model, built_in)
        self._isq_since: str | None = None
        self._model = model
        self._template = template
        self._adapter = adapter
        self._one_prefill = threading.Lock()
        self._buffers = Buffers(self.batching.equal_only and self.batching.lending > 0)
        self._calls = Calls()
        finalize(self, self._calls.end)  # called when the interpreter ends

    def stream(self, request: Request) -> Iterator[Chunk | Finish]:
        """The reply, piece by piece, ending with one `Finish`. Closing the iterator cancels it.

        The call waits for others that the request must not run with, and for a model that is built anew.
        """
        stream = self._stream(request)
        next(stream)
        return stream

    def _stream(self, request: Request) -> Iterator[Any]:
        """None when the engine takes the request, and then the reply."""
        native = self._native(request)
        place = self._buffers.place(lambda: self._prompt_tokens(request))
        with place as running, self._runner.streaming() as runner:
            yield None
            try:
                yield from self._pieces(runner, native, request, running)
            except SpnlError:
                raise
            except BaseException as error:
                if not is_engine_failure(error):
                    raise
                failure = run_failure(error)
                if failure.id == "engine-died":
                    self._buffers.forget()  # whatever takes its place has read nothing
                raise self._with_numbers(failure, runner, request) from None

    def render(self, request: Request) -> str | None:
        """The prompt as the model reads it, but for a token that the tokenizer puts in front."""
        if self._template is None:
            return "".join(text for _, text in request.messages)
        controls: dict[str, Any] = {"enable_thinking": request.sampling.think is not False}
        if isinstance(request.sampling.think, str):
            controls["reasoning_effort"] = request.sampling.think
        return self._template.render(request.messages, **controls)

    def count_tokens(self, request: Request) -> int | None:
        """How long the prompt is, in tokens, without what the tokenizer puts in front of every prompt.

        The engine answers between two of its steps, so this waits for a prompt that is being read.
        """
        prompt = self.render(request)
        if prompt is None:
            return None
        try:
            with self._one_prefill, self._calls.one():
                return len(self._runner.current().tokenize_text(prompt, False, None))
        except BaseException as error:
            if not is_engine_failure(error):
                raise
            return None

    def requantise(self, kind: str) -> None:
        """Quantise the weights anew, as `kind` names it: Q4K, say, or Q4_K_M. The engine does so on its own.

        `ProgramError` `no-requantising` where the engine would refuse, which it only logs.
        """
        try:
            isq = isq_type(kind)
        except LookupError:
            isq = None
        if isq is None:
            message = f"`{kind}` is no type of quantisation that the engine knows"
            raise ProgramError("no-requantising", message, helps=("Q4K and Q8_0 are two",))
        if not self._has_isq:
            raise ProgramError(
                "no-requantising",
                f"{self._model.name} was not quantised when it was loaded, so it cannot be now",
                helps=("load it with MISTRALRS_ISQ set; GGUF files are quantised already",),
            )
        with self._one_prefill, self._calls.one():
            self._runner.current().send_re_isq(isq)
        self._isq_since = isq

    def close(self) -> None:
        """Let go of the model. Its memory is given back at once, or when the last open stream ends."""
        self._runner.close()

    def _rebuilt(self, rebuild: Callable[[], Runner]) -> Runner:
        """The model built anew, quantised as it was at last."""
        runner = rebuild()
        self._buffers.forget()
        if self._isq_since is not None:
            runner.send_re_isq(self._isq_since)
        return runner

    def _pieces(
        self, runner: Runner, native: ChatCompletionRequest, request: Request, running: Running
    ) -> Iterator[Chunk | Finish]:
        with self._one_prefill, self._calls.one():
            responses: Any = runner.send_chat_completion_request(native)
            response = next(responses, None)
        lost = _lost_space(response) if response is not None and self._template is None else ""
        while response is not None:
            choice = response.choices[0]
            running.pieces += 1
            delta = choice.delta  # each attribute is a copy
            text, thought = delta.content or "", delta.reasoning_content or ""
            if lost:
                text, lost = lost + text, ""
            logprob = _logprob(choice.logprobs) if request.top_logprobs is not None else None
            if text or thought or logprob is not None:
                yield Chunk(text, thought, logprob)
            if choice.finish_reason is not None:
                usage = _usage(response)
                running.total = usage.prompt_tokens + usage.completion_tokens
                yield Finish("length" if choice.finish_reason == "length" else "stop", usage)
                return
            with self._calls.one():
                response = next(responses, None)
        raise GenerationError("engine-died", "the engine stopped in the middle of the reply")

    def _prompt_tokens(self, request: Request) -> int:
        """How long a prompt is, 0 for unknown; a short one is taken for as many tokens as it has bytes."""
        most = sum(len(text.encode("utf-8", "replace")) + _TURN_BYTES for _, text in request.messages)
        return most if most < BLOCK // 2 else self.count_tokens(request) or 0

    def _native(self, request: Request) -> ChatCompletionRequest:
        """The request in the engine's terms, after the checks that it does not make."""
        from mistralrs import ChatCompletionRequest

        self._check_messages(request.messages)
        try:
            return ChatCompletionRequest(
                messages=[{"role": role, "content": text} for role, text in request.messages],
                model="default",
                stream=True,
                logprobs=self._template is None or request.top_logprobs is not None,  # for `_lost_space`
                top_logprobs=request.top_logprobs or None,
                grammar=request.constraint.text if request.constraint is not None else None,
                grammar_type=request.constraint.kind if request.constraint is not None else None,
                adapter=self._adapter,
                **_parameters(request.sampling),
            )
        except (TypeError, ValueError, OverflowError) as error:
            raise ProgramError(
                "bad-sampling", f"the engine does not take these parameters: {error}"
            ) from None

    def _check_messages(self, messages: tuple[tuple[str, str], ...]) -> None:
        check_messages(messages)
        if self._template is None and [role for role, _ in messages] != ["user"]:
            raise ProgramError(
                "no-chat-template",
                f"{self._model.name} is a base model: it has no chat template for roles and several messages",
                helps=("give it exactly one user message, which it completes, or use an instruct model",),
            )

    def _with_numbers(self, error: SpnlError, runner: Runner, request: Request) -> SpnlError:
        """The error; where the prompt is too long, with how long it is and how much fits."""
        if error.id != "prompt-too-long":
            return error
        limit, length = self._measure(runner, request)
        if limit is None:
            return error
        prompt = f"the prompt is {length:,} tokens long, and" if length else "the prompt is too long:"
        return ProgramError(
            error.id,
            f"{prompt} {self._model.name} takes at most {limit:,}",
            helps=("shorten the input, or use a model with a longer context",),
            detail=error.detail,
        )

    def _measure(self, runner: Runner, request: Request) -> tuple[int | None, int | None]:
        """The context length, and the length of a prompt, as far as the engine tells."""
        prompt = self.render(request)
        try:
            with self._one_prefill, self._calls.one():
                limit = runner.max_sequence_length()
                tokens = runner.tokenize_text(prompt, True, None) if prompt is not None else None
        except Exception:
            return None, None
        return limit, len(tokens) if tokens is not None else None


def _parameters(sampling: Sampling) -> dict[str, Any]:
    """Sampling as the engine's keywords; what is None is the engine's, or the model's maker's, to decide."""
    think = sampling.think
    alike = ("top_p", "min_p", "frequency_penalty", "presence_penalty", "repetition_penalty")
    return {
        **{name: getattr(sampling, name) for name in alike},
        "max_tokens": _clamped(sampling.max_tokens),
        "temperature": 0.0 if (sampling.temperature or 0) < _COLDEST else sampling.temperature,
        "top_k": _clamped(sampling.top_k),
        "stop_seqs": list(sampling.stop) if sampling.stop else None,
        "enable_thinking": think if isinstance(think, bool) else None,
        "reasoning_effort": think if isinstance(think, str) else None,
        "ignore_eos": bool(sampling.ignore_eos),
    }


def _lost_space(first: ChatCompletionChunkResponse) -> str:
    """The white space that the engine has cut off the beginning of a stream.

    It takes the space before a reply's first word for an artefact of tokenizers. Where a text is completed
    it is part of that text; the first token still has it.
    """
    choice = first.choices[0]
    token = choice.logprobs.token if choice.logprobs is not None else ""
    kept = token.lstrip()
    return token[: len(token) - len(kept)] if kept == (choice.delta.content or "") else ""


def _logprob(native: Any) -> Logprob | None:
    """What the engine tells of the token that it drew; None where a chunk stands for no token."""
    if native is None:
        return None
    likeliest = tuple((other.bytes or "", other.logprob) for other in native.top_logprobs)
    return Logprob(native.token, native.logprob, likeliest)


def _clamped(count: int | None) -> int | None:
    return None if count is None else min(count, _LARGEST_COUNT)


def _usage(response: ChatCompletionChunkResponse) -> Usage:
    """The counts of the last chunk, which the engine leaves out where there is nothing to count."""
    usage = response.usage
    if usage is None:
        return Usage()
    details = getattr(usage, "prompt_tokens_details", None)  # not in the package's stubs
    cached = details.cached_tokens if details is not None else 0
    return Usage(usage.prompt_tokens, cached or 0, usage.completion_tokens)
