"""What every backend keeps to, whatever runs the model: the seam of `spnl.backends.base`.

The same model stands behind all of them, so that they are compared word for word.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from backends.conftest import Backend
from engine.asking import ask, request

import spnl
from spnl.backends.base import Chunk, Engine, Finish
from spnl.errors import ModelError, ProgramError, SpnlError

PROMPTS: list[Any] = [
    "Hello there",
    "What is the capital of France?",
    [("system", "You are terse."), ("user", "Why is the sky blue?")],
    [("user", "My name is Ada."), ("assistant", "Hello, Ada."), ("user", "What is my name?")],
    'é 日本 😀 \\ " \n\t\u2028 </s>',
]


def refusal(engine: Engine, messages: Any, **sampling: Any) -> SpnlError:
    with pytest.raises(SpnlError) as caught:
        ask(engine, messages, **sampling)
    return caught.value


@pytest.mark.parametrize("messages", PROMPTS, ids=range(len(PROMPTS)))
def test_a_reply_is_the_models_with_its_usage_and_reason(
    backend: Backend, here: Engine, messages: Any
) -> None:
    assert ask(backend.tiny, messages) == ask(here, messages)


def test_a_reply_comes_in_pieces_and_ends_with_one_finish(backend: Backend) -> None:
    pieces = list(backend.tiny.stream(request(PROMPTS[1])))
    assert len(pieces) > 3
    assert [type(piece) for piece in pieces] == [Chunk] * (len(pieces) - 1) + [Finish]
    assert all(piece.text or piece.thought for piece in pieces[:-1] if isinstance(piece, Chunk))


def test_the_limit_of_tokens_ends_a_reply(backend: Backend) -> None:
    whole, cut = (ask(backend.tiny, PROMPTS[1], max_tokens=limit) for limit in (32, 3))
    assert (whole.reason, cut.reason, cut.completion_tokens) == ("stop", "length", 3)
    assert whole.text.startswith(cut.text)


def test_a_stop_text_ends_a_reply_before_it(backend: Backend) -> None:
    whole = ask(backend.tiny, PROMPTS[1]).text
    stop = whole[len(whole) // 2 :][:6]
    assert ask(backend.tiny, PROMPTS[1], stop=("never said", stop)).text == whole[: whole.index(stop)]


def test_temperature_is_obeyed(backend: Backend) -> None:
    assert len({ask(backend.tiny, PROMPTS[1], temperature=0.0).text for _ in range(3)}) == 1
    assert len({ask(backend.tiny, PROMPTS[1], temperature=2.0).text for _ in range(5)}) > 1


def test_streams_from_several_threads_do_not_mix(backend: Backend, here: Engine) -> None:
    engine = backend.tiny
    questions = [f"What is {n} plus {n}?" for n in range(8)]
    with ThreadPoolExecutor(len(questions)) as threads:
        answers = list(threads.map(lambda question: ask(engine, question).text, questions))
    assert answers == [ask(here, question).text for question in questions]


def test_a_stream_that_is_closed_leaves_room_for_the_next(backend: Backend, here: Engine) -> None:
    engine = backend.tiny
    for _ in range(3):
        stream = engine.stream(request(PROMPTS[1], max_tokens=1000))
        assert isinstance(next(stream), Chunk)
        stream.close()  # type: ignore[attr-defined]
    assert ask(engine, PROMPTS[0]) == ask(here, PROMPTS[0])


def test_what_cannot_be_asked_is_the_programs_error(backend: Backend) -> None:
    empty, broken = refusal(backend.tiny, []), refusal(backend.tiny, "half \ud83d")
    assert (empty.id, broken.id) == ("empty-input", "bad-text")
    assert isinstance(empty, ProgramError) and isinstance(broken, ProgramError)


def test_a_prompt_that_is_too_long_is_the_programs_error(backend: Backend, here: Engine) -> None:
    error = refusal(backend.tiny, "far too long " * 4000)
    assert (error.id, error.exit_code) == ("prompt-too-long", 3)
    assert ask(backend.tiny, PROMPTS[0]) == ask(here, PROMPTS[0])


def test_a_model_that_there_is_not_is_told(backend: Backend) -> None:
    with pytest.raises(ModelError) as caught:
        ask(backend.pool.get(f"{backend.prefix}/no-such-model"), PROMPTS[0])
    assert (caught.value.id, caught.value.exit_code) == ("no-such-model", 4)


def test_an_engine_is_loaded_once_and_says_when_it_is_gone(backend: Backend) -> None:
    engine = backend.tiny
    assert backend.tiny is engine
    assert backend.pool.loaded() == (f"{backend.prefix}/tiny",)
    assert backend.pool.unload(f"{backend.prefix}/tiny")
    assert refusal(engine, PROMPTS[0]).id == "engine-failed"
    assert backend.tiny is not engine


def test_facts_of_an_engine(backend: Backend) -> None:
    engine = backend.tiny
    assert engine.parallel >= 1
    prompt = engine.render(request(PROMPTS[0]))
    assert prompt is None or "Hello there" in prompt


PROGRAM = """
(g (seq (system "You are terse.")
        (plus (map (inputs "Name a colour." "Name a city.") (temperature 0) (max-tokens 8))
              (repeat 2 (g "Say a word." (temperature 0) (max-tokens 4))))
        (user "Join them."))
   (temperature 0) (max-tokens 12))
"""


def test_a_program_runs_unchanged_on_every_backend(backend: Backend) -> None:
    expected = spnl.run(PROGRAM, model="mistralrs/tiny")
    answer = spnl.run(PROGRAM, model=f"{backend.prefix}/tiny", models=backend.pool)
    assert answer.text == expected.text
    assert sorted(reply.text for reply in answer.replies) == sorted(reply.text for reply in expected.replies)
