"""A loaded model's replies are the model's, whole and in order; what it cannot take is refused."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import mistralrs
import pytest
from engine.asking import Answer, ask, plain_runner, plainly, request, runner_of
from fixtures_models import TINY, ModelFiles, copy_gguf

from spnl.backends.base import Chunk, Engine, Finish
from spnl.backends.mistralrs.backend import _COMPLETION_TEMPLATE
from spnl.backends.mistralrs.engine import MistralrsEngine
from spnl.errors import SpnlError

Load = Callable[[Path | str], Engine]

PROMPTS = [
    "Hello there",
    "What is the capital of France?",
    "Name a colour.",
    "Say something about the sea in one sentence.",
    [("system", "You are terse."), ("user", "Why is the sky blue?")],
    [("user", "My name is Ada."), ("assistant", "Hello, Ada."), ("user", "What is my name?")],
]


@pytest.fixture(scope="module")
def plain_tiny() -> mistralrs.Runner:
    return plain_runner(TINY)


def refusal(engine: Engine, messages: Any, **sampling: Any) -> SpnlError:
    with pytest.raises(SpnlError) as caught:
        ask(engine, messages, **sampling)
    return caught.value


@pytest.mark.parametrize("messages", PROMPTS, ids=range(len(PROMPTS)))
def test_replies_and_counts_are_those_of_plain_mistralrs(
    messages: Any, tiny: Engine, plain_tiny: mistralrs.Runner
) -> None:
    assert ask(tiny, messages) == plainly(plain_tiny, messages)


def test_the_reply_comes_in_pieces(tiny: Engine) -> None:
    pieces = list(tiny.stream(request(PROMPTS[1])))
    assert len(pieces) > 3
    assert [type(piece) for piece in pieces] == [Chunk] * (len(pieces) - 1) + [Finish]


def test_reused_prompt_tokens_are_counted(tiny: Engine) -> None:
    said = "The cat sat on the mat. " * 20
    ask(tiny, said + "And then?")
    *_, finish = tiny.stream(request(said + "But why?"))
    assert isinstance(finish, Finish)
    assert finish.usage.prompt_tokens // 2 < finish.usage.cached_tokens < finish.usage.prompt_tokens


def test_thought_is_kept_apart_from_the_reply(load: Load, files: ModelFiles) -> None:
    answer = ask(load(files.thinking), PROMPTS[1], max_tokens=200)
    assert answer == plainly(plain_runner(files.thinking), PROMPTS[1], max_tokens=200)
    assert answer.thought.strip()
    assert answer.text.strip()
    assert "think>" not in answer.text + answer.thought


def test_thinking_can_be_switched_off(load: Load, files: ModelFiles) -> None:
    engine = load(files.thinking)
    answer = ask(engine, PROMPTS[1], think=False)
    assert answer.thought == ""
    assert answer.prompt_tokens < ask(engine, PROMPTS[1], think=True).prompt_tokens
    assert ask(engine, PROMPTS[1]).thought == ask(engine, PROMPTS[1], think=True).thought != ""


@pytest.fixture(scope="module")
def effort_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    template = "{{ messages[0]['content'] }}{% if reasoning_effort %}{{ reasoning_effort * 9 }}{% endif %}"
    path = tmp_path_factory.mktemp("effort") / "effort.gguf"
    return copy_gguf(path, changed={"tokenizer.chat_template": template})


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
def test_the_effort_of_thinking_reaches_the_template(effort: str, load: Load, effort_file: Path) -> None:
    engine = load(effort_file)
    assert engine.render(request("Hello", think=effort)) == "Hello" + 9 * effort
    assert engine.render(request("Hello")) == "Hello"
    expected = plainly(plain_runner(effort_file), "Hello", reasoning_effort=effort).prompt_tokens
    assert ask(engine, "Hello", think=effort).prompt_tokens == expected > ask(engine, "Hello").prompt_tokens


def test_the_token_limit_ends_a_reply_with_length(tiny: Engine) -> None:
    whole = ask(tiny, PROMPTS[1])
    cut = ask(tiny, PROMPTS[1], max_tokens=3)
    assert (whole.reason, cut.reason) == ("stop", "length")
    assert cut.completion_tokens == 3
    assert whole.text.startswith(cut.text) and cut.text != whole.text


def test_a_limit_that_no_context_holds_is_no_error(tiny: Engine) -> None:
    assert ask(tiny, PROMPTS[1], max_tokens=10**30) == ask(tiny, PROMPTS[1])


def test_a_stop_text_ends_the_reply_before_it(tiny: Engine) -> None:
    whole = ask(tiny, PROMPTS[1]).text
    stop = whole[len(whole) // 2 :][:6]
    before = whole[: whole.index(stop)]
    assert before and stop
    assert ask(tiny, PROMPTS[1], stop=("never said", stop))[:3] == (before, "", "stop")


def test_temperature_0_always_says_the_same_and_a_high_one_does_not(tiny: Engine) -> None:
    assert len({ask(tiny, PROMPTS[3], temperature=0.0) for _ in range(5)}) == 1
    assert len({ask(tiny, PROMPTS[3], temperature=3.0) for _ in range(5)}) > 1


def test_every_parameter_reaches_the_engine(tiny: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    real = mistralrs.ChatCompletionRequest

    def spy(**parameters: Any) -> Any:
        seen.update(parameters)
        return real(**parameters)

    monkeypatch.setattr(mistralrs, "ChatCompletionRequest", spy)
    given = {
        "max_tokens": 5,
        "temperature": 0.25,
        "top_p": 0.75,
        "top_k": 7,
        "min_p": 0.125,
        "frequency_penalty": 0.5,
        "presence_penalty": -0.5,
        "repetition_penalty": 1.5,
    }
    ask(tiny, "Hello", stop=("x", "y"), think=True, **given)
    assert {name: seen[name] for name in given} == given
    assert (seen["stop_seqs"], seen["enable_thinking"], seen["reasoning_effort"]) == (["x", "y"], True, None)
    assert (seen["stream"], seen["messages"]) == (True, [{"role": "user", "content": "Hello"}])
    ask(tiny, "Hello", think="low")
    assert (seen["enable_thinking"], seen["reasoning_effort"]) == (None, "low")
    assert all(seen[name] is None for name in given if name not in ("max_tokens", "temperature"))
    assert seen["stop_seqs"] is None


def test_sixteen_at_once_on_a_quantised_file_all_answer_as_one_by_one(load: Load, files: ModelFiles) -> None:
    engine = load(files.q8)
    prompts = [f"Tell me about the number {index}, please." for index in range(16)]
    start = threading.Barrier(16)

    def together(prompt: str) -> Answer:
        start.wait(60)
        return ask(engine, prompt)

    with ThreadPoolExecutor(16) as threads:
        at_once = list(threads.map(together, prompts))
    assert [answer.text for answer in at_once] == [ask(engine, prompt).text for prompt in prompts]


class Watched:
    """A runner that notes what happens to the streams of another one."""

    def __init__(self, runner: mistralrs.Runner) -> None:
        self._runner = runner
        self.events: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runner, name)

    def send_chat_completion_request(self, asked: Any) -> Any:
        self.events.append("opened")
        return WatchedStream(iter(self._runner.send_chat_completion_request(asked)), self.events)


class WatchedStream:
    def __init__(self, responses: Iterator[Any], events: list[str]) -> None:
        self._responses = responses
        self._events = events
        self._begun = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        response = next(self._responses)
        if not self._begun:
            self._begun = True
            self._events.append("first chunk")
        return response

    def __del__(self) -> None:
        self._events.append("dropped")


def watched(engine: Engine) -> tuple[MistralrsEngine, Watched]:
    """Another engine over the same runner, and what it does with it."""
    assert isinstance(engine, MistralrsEngine)
    runner = Watched(runner_of(engine))
    return MistralrsEngine(runner, engine._model, engine._template, 1), runner  # type: ignore[arg-type]


def test_one_prompt_is_read_at_a_time(load: Load, files: ModelFiles) -> None:
    engine, runner = watched(load(files.q8))
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda index: ask(engine, f"Number {index}"), range(16)))
    admissions = [event for event in runner.events if event != "dropped"]
    assert admissions == ["opened", "first chunk"] * 16


def test_closing_a_stream_drops_the_engines_and_the_next_one_answers(tiny: Engine) -> None:
    engine, runner = watched(tiny)
    expected = ask(tiny, PROMPTS[0])
    stream = engine.stream(request(PROMPTS[3], max_tokens=1000))
    assert isinstance(next(stream), Chunk)
    assert runner.events == ["opened", "first chunk"]
    stream.close()
    assert runner.events == ["opened", "first chunk", "dropped"]
    assert ask(engine, PROMPTS[0]) == expected


def test_a_closed_stream_is_cancelled_in_the_engine(load: Load, files: ModelFiles) -> None:
    # One sequence at a time: the next one answers soon only if the closed one is really gone.
    base = load(files.endless)
    assert isinstance(base, MistralrsEngine)
    runner = plain_runner(files.endless, max_seqs=1, jinja_explicit=str(_COMPLETION_TEMPLATE))
    engine = MistralrsEngine(runner, base._model, None, 1)
    begun = perf_counter()
    assert ask(engine, "Hello", max_tokens=1900).completion_tokens == 1900
    whole = perf_counter() - begun
    stream = engine.stream(request("Hello you", max_tokens=1900))
    next(stream)
    stream.close()
    begun = perf_counter()
    assert ask(engine, "Hello there", max_tokens=1).completion_tokens == 1
    assert perf_counter() - begun < whole / 4


def test_a_request_that_fails_lets_the_next_one_in(tiny: Engine) -> None:
    for _ in range(2):
        assert refusal(tiny, "word " * 5000).id == "prompt-too-long"
        assert ask(tiny, PROMPTS[0]).text


def test_a_prompt_longer_than_the_context_says_how_long_and_what_fits(tiny: Engine) -> None:
    error = refusal(tiny, "hello " * 3000)
    prompt = tiny.render(request("hello " * 3000))
    assert prompt is not None
    length = len(runner_of(tiny).tokenize_text(prompt, True, None))
    assert (error.id, error.exit_code) == ("prompt-too-long", 3)
    assert error.message == f"the prompt is {length:,} tokens long, and tiny takes at most 2,048"
    assert "\n" not in error.message


def test_no_messages_are_refused(tiny: Engine) -> None:
    assert refusal(tiny, []).id == "empty-input"


def test_half_a_character_is_refused_with_its_place(tiny: Engine) -> None:
    error = refusal(tiny, [("system", "fine"), ("user", "ab\udcffc")])
    assert (error.id, error.exit_code) == ("bad-text", 3)
    assert error.message == "a message holds half of a character, U+DCFF, at 2"


@pytest.mark.parametrize("sampling", [{"max_tokens": -1}, {"stop": ("\ud800",)}, {"think": "much"}])
def test_what_the_engine_does_not_take_is_the_programs_error(sampling: Any, tiny: Engine) -> None:
    error = refusal(tiny, "Hello", **sampling)
    assert (error.id, error.exit_code) == ("bad-sampling", 3)
    assert "\n" not in error.message


@pytest.mark.parametrize("text", ["The capital of France is", "1 2 3 4\n5 6 7", "Hello"])
def test_a_base_model_completes_one_user_message(text: str, load: Load, files: ModelFiles) -> None:
    asked = mistralrs.CompletionRequest(text, model="default", max_tokens=8, temperature=0.0)
    expected = plain_runner(files.base).send_completion_request(asked)
    engine = load(files.base)
    answer = ask(engine, text, max_tokens=8)
    assert (answer.text, answer.prompt_tokens) == (expected.choices[0].text, expected.usage.prompt_tokens)
    assert engine.render(request(text)) == text


@pytest.mark.parametrize(
    "messages",
    [
        [("system", "a"), ("user", "b")],
        [("assistant", "a")],
        [("user", "a"), ("user", "b")],
    ],
)
def test_a_base_model_takes_nothing_else(messages: Any, load: Load, files: ModelFiles) -> None:
    error = refusal(load(files.base), messages)
    assert (error.id, error.exit_code) == ("no-chat-template", 3)
    assert "base.gguf is a base model" in error.message
    assert "exactly one user message" in error.helps[0]


def test_a_template_that_refuses_a_conversation_is_quoted(load: Load, files: ModelFiles) -> None:
    engine = load(files.odd)
    error = refusal(engine, [("user", "a"), ("system", "b")])
    assert (error.id, error.exit_code) == ("template-refused", 3)
    assert "a system message comes first" in error.notes[0]
    assert engine.render(request([("user", "a"), ("system", "b")])) is None


@pytest.mark.parametrize("messages", PROMPTS, ids=range(len(PROMPTS)))
@pytest.mark.parametrize("kind", ["tiny", "thinking", "odd", "safetensors"])
def test_the_rendered_prompt_is_the_one_that_is_read(
    kind: str, messages: Any, load: Load, files: ModelFiles
) -> None:
    engine = load("tiny" if kind == "tiny" else getattr(files, kind))
    prompt = engine.render(request(messages))
    assert prompt is not None
    tokens = runner_of(engine).tokenize_text(prompt, True, None)
    assert len(tokens) == ask(engine, messages, max_tokens=1).prompt_tokens


@pytest.mark.parametrize("think", [None, True, False, "low"])
def test_the_rendered_prompt_thinks_as_the_request_says(think: Any, load: Load, files: ModelFiles) -> None:
    engine = load(files.thinking)
    prompt = engine.render(request("Hello", think=think))
    assert prompt is not None
    tokens = runner_of(engine).tokenize_text(prompt, True, None)
    assert len(tokens) == ask(engine, "Hello", think=think, max_tokens=1).prompt_tokens


class Failing:
    """A runner that fails as the engine does."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def send_chat_completion_request(self, asked: Any) -> Any:
        raise self.error


PanicException = type("PanicException", (BaseException,), {})


@pytest.mark.parametrize(
    ("error", "id", "message"),
    [
        (
            ValueError("no luck\n   0: <candle>::bt\n   1: main"),
            "engine-failed",
            "the engine failed: no luck",
        ),
        (
            PanicException("unwrap on None"),
            "engine-died",
            "the engine broke down in the middle of its work",
        ),
        (
            ValueError("Received none in ChatCompletionStreamer"),
            "engine-died",
            "the engine broke down in the middle of its work",
        ),
        (ValueError("CUDA_ERROR_OUT_OF_MEMORY"), "out-of-memory", "the engine ran out of memory"),
    ],
)
def test_what_the_engine_says_is_cut_to_its_first_line(
    error: BaseException, id: str, message: str, tiny: Engine
) -> None:
    assert isinstance(tiny, MistralrsEngine)
    engine = MistralrsEngine(Failing(error), tiny._model, tiny._template, 1)  # type: ignore[arg-type]
    failure = refusal(engine, "Hello")
    assert (failure.id, failure.message, failure.exit_code) == (id, message, 1)
    assert failure.detail == str(error)


def test_an_interrupt_is_no_failure_of_the_engine(tiny: Engine) -> None:
    assert isinstance(tiny, MistralrsEngine)
    engine = MistralrsEngine(Failing(KeyboardInterrupt()), tiny._model, tiny._template, 1)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        ask(engine, "Hello")


def test_a_reply_without_an_end_is_a_failure(tiny: Engine) -> None:
    class Ending(Failing):
        def send_chat_completion_request(self, asked: Any) -> Any:
            full, _ = watched(tiny)
            return iter([next(runner_of(full).send_chat_completion_request(asked))])

    assert isinstance(tiny, MistralrsEngine)
    engine = MistralrsEngine(Ending(ValueError()), tiny._model, tiny._template, 1)  # type: ignore[arg-type]
    assert refusal(engine, PROMPTS[3]).id == "engine-died"
