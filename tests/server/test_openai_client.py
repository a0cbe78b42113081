"""OpenAI's own client, and curl, against `spnl serve` with a real model."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from serving import ServeProcess

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]
ANSWER = "The capital of France is Paris."


@pytest.fixture(scope="module")
def client(tiny_server: ServeProcess) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{tiny_server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def chat(client: openai.OpenAI, **more: Any) -> Any:
    return client.chat.completions.create(**{"model": "tiny", "messages": QUESTION, "temperature": 0, **more})


def test_chat(client: openai.OpenAI) -> None:
    reply = chat(client)
    assert reply.choices[0].message.content == ANSWER
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.completion_tokens == 12
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + 12


def test_a_stream_is_the_same_reply_in_pieces(client: openai.OpenAI) -> None:
    events = list(chat(client, stream=True, stream_options={"include_usage": True}))
    *pieces, last = events
    texts = [event.choices[0].delta.content for event in pieces if event.choices[0].delta.content]
    assert "".join(texts) == ANSWER and len(texts) > 5
    assert pieces[0].choices[0].delta.role == "assistant"
    assert pieces[-1].choices[0].finish_reason == "stop"
    assert last.choices == [] and last.usage.completion_tokens == 12
    assert len({event.id for event in events}) == 1


def test_a_conversation_with_parts_and_a_developer(client: openai.OpenAI) -> None:
    messages = [
        {"role": "developer", "content": "Answer with one word."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is the capital"},
                {"type": "text", "text": " of Italy?"},
            ],
        },
    ]
    assert "Rome" in chat(client, messages=messages).choices[0].message.content


def test_several_choices(client: openai.OpenAI) -> None:
    reply = chat(client, n=3)
    assert [choice.message.content for choice in reply.choices] == [ANSWER] * 3
    assert [choice.index for choice in reply.choices] == [0, 1, 2]
    assert reply.usage.completion_tokens == 36
    assert reply.usage.prompt_tokens == chat(client).usage.prompt_tokens


def test_several_choices_in_a_stream(client: openai.OpenAI) -> None:
    texts = {0: "", 1: ""}
    for event in chat(client, n=2, stream=True):
        texts[event.choices[0].index] += event.choices[0].delta.content or ""
    assert texts == {0: ANSWER, 1: ANSWER}


def test_limits_stops_and_penalties(client: openai.OpenAI) -> None:
    cut = chat(client, max_tokens=3)
    assert cut.choices[0].finish_reason == "length" and cut.usage.completion_tokens == 3
    assert chat(client, max_completion_tokens=3).choices[0].message.content == cut.choices[0].message.content
    assert chat(client, stop=[" is"]).choices[0].message.content == "The capital of France"
    penalised = chat(client, frequency_penalty=2, presence_penalty=2, extra_body={"repetition_penalty": 5})
    assert penalised.choices[0].message.content != ANSWER


def test_a_seed_is_kept_where_it_means_something(client: openai.OpenAI) -> None:
    assert chat(client, seed=1).choices[0].message.content == ANSWER
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, seed=1, temperature=0.5)
    assert caught.value.code == "no-seed" and caught.value.param == "seed"


def test_a_schema_is_followed(client: openai.OpenAI) -> None:
    schema = {"name": "city", "schema": {"enum": ["Rome", "Paris"]}}
    reply = chat(client, response_format={"type": "json_schema", "json_schema": schema})
    assert json.loads(reply.choices[0].message.content) == "Paris"


def test_a_schema_that_is_none_is_refused(client: openai.OpenAI) -> None:
    schema = {"name": "city", "schema": {"type": "nonsense"}}
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, response_format={"type": "json_schema", "json_schema": schema})
    assert caught.value.code == "bad-grammar"


def test_an_object_is_begun_where_one_is_asked_for(client: openai.OpenAI) -> None:
    reply = chat(client, response_format={"type": "json_object"}, max_tokens=3)
    assert reply.choices[0].message.content.startswith("{")


def test_what_is_as_good_as_impossible_has_a_number(client: openai.OpenAI) -> None:
    """Where a reply is constrained, most tokens have a probability of 0. JSON has no infinity."""
    reply = chat(client, logprobs=True, top_logprobs=8, response_format={"type": "json_object"}, max_tokens=4)
    told = [top.logprob for token in reply.choices[0].logprobs.content for top in token.top_logprobs]
    assert min(told) == -9999.0 and None not in told


def test_log_probabilities(client: openai.OpenAI) -> None:
    reply = chat(client, logprobs=True, top_logprobs=2)
    told = reply.choices[0].logprobs.content
    assert "".join(token.token for token in told) == ANSWER
    assert all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in told)
    assert bytes(told[0].bytes).decode() == told[0].token
    streamed = [event.choices[0].logprobs for event in chat(client, logprobs=True, stream=True)]
    assert "".join(each.content[0].token for each in streamed if each) == ANSWER


def test_completions(client: openai.OpenAI) -> None:
    reply = client.completions.create(model="tiny", prompt="What is the capital of France?", temperature=0)
    assert reply.choices[0].text == ANSWER
    assert reply.usage is not None and reply.usage.completion_tokens == 12


def test_completions_of_several_prompts(client: openai.OpenAI) -> None:
    prompts = ["What is the capital of France?", "What is the capital of Italy?"]
    reply = client.completions.create(model="tiny", prompt=prompts, temperature=0, n=2, logprobs=1)
    texts = [choice.text for choice in reply.choices]
    assert [("Paris" in text, "Rome" in text) for text in texts] == [(True, False)] * 2 + [(False, True)] * 2
    told = reply.choices[3].logprobs
    assert told is not None and "".join(told.tokens or ()) == texts[3] and told.text_offset[:2] == [0, 3]


def test_a_stream_of_completions(client: openai.OpenAI) -> None:
    stream = client.completions.create(
        model="tiny", prompt=QUESTION[0]["content"], temperature=0, stream=True
    )
    events = list(stream)
    assert "".join(event.choices[0].text for event in events) == ANSWER
    assert events[-1].choices[0].finish_reason == "stop"


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["tiny", "mistralrs/tiny"]
    assert client.models.retrieve("mistralrs/tiny").id == "mistralrs/tiny"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


def test_a_model_that_is_not_served(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        chat(client, model="gpt-5")
    assert caught.value.code == "not-served" and "`tiny`" in caught.value.message


@pytest.mark.parametrize(
    ("more", "code", "param"),
    [
        ({"temperature": -1}, "bad-request", "temperature"),
        ({"messages": []}, "bad-request", "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "bad-request", "messages[0].role"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "unknown-field", "tools"),
        ({"max_tokens": 1_000_000}, "bad-request", "max_tokens"),
        ({"n": 1000}, "bad-request", "n"),
        ({"messages": [{"role": "user", "content": "word " * 5000}]}, "context_length_exceeded", None),
    ],
)
def test_what_is_refused(client: openai.OpenAI, more: Any, code: str, param: str | None) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        chat(client, **more)
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl(tiny_server: ServeProcess) -> None:
    body = json.dumps({"model": "tiny", "messages": QUESTION, "temperature": 0, "stream": True})
    arguments = ["curl", "-sSN", "--noproxy", "*", f"{tiny_server.url}/v1/chat/completions", "-d", body]
    done = subprocess.run(arguments, capture_output=True, check=True, timeout=60)
    *events, end, last = done.stdout.decode().split("\n\n")
    assert (end, last) == ("data: [DONE]", "")
    deltas = [json.loads(event.removeprefix("data: "))["choices"][0]["delta"] for event in events]
    assert "".join(delta.get("content", "") for delta in deltas) == ANSWER
