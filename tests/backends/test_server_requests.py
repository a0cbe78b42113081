"""What a server is asked: the body of a request, for each kind of server, and what it says of parameters."""

from __future__ import annotations

from typing import Any

import pytest
from backends.clients import Client, talking
from scripted_http import Exchange, Script

from spnl.errors import ProgramError


def ok(exchange: Exchange) -> None:
    exchange.reply("ok")


def body(client: Client) -> dict[str, Any]:
    """What was asked last."""
    asked = client.server.bodies[-1]
    assert isinstance(asked, dict)
    return asked


def test_the_words_are_those_of_upstream_and_usage() -> None:
    with talking(ok) as client:
        client.ask([("system", "s"), ("user", "a"), ("assistant", "b"), ("user", "é 😀\n")], max_tokens=7)
        assert body(client) == {
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "a"},
                {"role": "assistant", "content": "b"},
                {"role": "user", "content": "é 😀\n"},
            ],
            "model": "m",
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_completion_tokens": 7,
            "temperature": 0.6,
        }
        assert client.server.asked[0].path == "/v1/chat/completions"
        assert client.server.asked[0].headers["accept"] == "text/event-stream"


SAMPLING: dict[str, Any] = {
    "top_p": 0.9,
    "top_k": 40,
    "min_p": 0.05,
    "stop": ("\n", "END"),
    "frequency_penalty": 0.5,
    "presence_penalty": -0.5,
    "repetition_penalty": 1.1,
}


def test_every_clause_is_sent() -> None:
    with talking(ok) as client:
        client.ask(**SAMPLING)
        asked = body(client)
    assert {name: asked[name] for name in SAMPLING} == {**SAMPLING, "stop": ["\n", "END"]}


@pytest.mark.parametrize("kind", ["ollama", "gemini"])
@pytest.mark.parametrize("clause", ["top_k", "min_p", "repetition_penalty"])
def test_a_clause_that_would_be_passed_over_is_refused(kind: str, clause: str) -> None:
    with talking(ok, kind=kind) as client:
        with pytest.raises(ProgramError) as caught:
            client.ask(**{clause: SAMPLING[clause]})
        assert client.server.asked == []
    assert caught.value.id == "bad-sampling"
    assert f"`{clause.replace('_', '-')}`" in caught.value.message


def test_ollama_knows_the_older_word_for_tokens() -> None:
    with talking(ok, kind="ollama") as client:
        client.ask(max_tokens=5)
        assert (body(client)["max_tokens"], body(client)["max_completion_tokens"]) == (5, 5)


THINK = [
    ("openai", "low", {"reasoning_effort": "low"}),
    ("openai", False, {"chat_template_kwargs": {"enable_thinking": False}}),
    ("openai", True, {"chat_template_kwargs": {"enable_thinking": True}}),
    ("ollama", "high", {"reasoning_effort": "high"}),
    ("ollama", False, {"reasoning_effort": "none"}),
    ("gemini", True, {"reasoning_effort": "medium"}),
]


@pytest.mark.parametrize(("kind", "think", "words"), THINK)
def test_think_in_the_words_of_the_server(kind: str, think: Any, words: dict[str, Any]) -> None:
    with talking(ok, kind=kind) as client:
        client.ask(think=think)
        assert body(client).items() >= words.items()


def refuses(message: str, **more: Any) -> Script:
    return lambda exchange: exchange.plain(400, {"error": {"message": message, **more}})


@pytest.mark.parametrize(
    ("script", "clause"),
    [
        (refuses("Unsupported value: does not support 0.6", param="temperature"), "temperature"),
        (refuses("Unsupported parameter: 'max_completion_tokens' is too high"), "max-tokens"),
        (refuses('Invalid JSON payload. Unknown name "top_k": Cannot find field.'), "top-k"),
        (refuses("Unrecognized request argument supplied: chat_template_kwargs"), "think"),
        (refuses("bad", param="stop.0"), "stop"),
    ],
)
def test_a_refused_parameter_is_told_by_its_clause(script: Script, clause: str) -> None:
    with talking(script) as client:
        error = client.refuse(top_k=3, stop=("x",), think=True)
    assert (error.id, error.exit_code) == ("bad-sampling", 3)
    assert f"`{clause}`" in error.message
    assert error.helps == (f"change `{clause}`, or leave it out",)


@pytest.mark.parametrize(
    "script", [refuses("no stops here"), refuses("bad", param="messages"), refuses("top_kk")]
)
def test_a_refusal_that_is_of_no_parameter_blames_none(script: Script) -> None:
    with talking(script) as client:
        assert client.refuse(top_k=3, stop=("x",)).id == "request-refused"


@pytest.mark.parametrize(("messages", "id"), [([], "empty-input"), ([("user", "\ud800")], "bad-text")])
def test_what_cannot_be_asked_is_not(messages: list[tuple[str, str]], id: str) -> None:
    with talking(ok) as client:
        with pytest.raises(ProgramError) as caught:
            client.ask(messages)
        assert caught.value.id == id
        assert client.server.asked == []
