"""Messages and conversations, and how the chat template renders them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["system", "user", "assistant"]

MESSAGE_START = "<|im_start|>"
MESSAGE_END = "<|im_end|>"
END_OF_TEXT = "<|endoftext|>"

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Only a `learned` message bears loss; `prefill` is given, not learned."""

    role: Role
    text: str
    learned: bool = False
    prefill: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in order; `task` names the generator that made them."""

    task: str
    messages: tuple[Message, ...] = field(default=())


def system(text: str) -> Message:
    """Return a system message."""
    return Message("system", text)


def user(text: str) -> Message:
    """Return a user message."""
    return Message("user", text)


def context(text: str) -> Message:
    """Return an assistant message that is read, not learned."""
    return Message("assistant", text)


def reply(text: str) -> Message:
    """Return an assistant message that the model learns to write."""
    return Message("assistant", text, learned=True)


def thoughtful(thought: str, text: str) -> Message:
    """Return a reply after a thought; the opening tag belongs to the prompt."""
    return Message("assistant", f"{thought}\n</think>\n\n{text}", learned=True, prefill="<think>\n")


def spans(conversation: Conversation) -> list[tuple[str, bool]]:
    """Return the rendered conversation as (text, bears loss) pieces, in order."""
    pieces: list[tuple[str, bool]] = []
    for message in conversation.messages:
        pieces.append((f"{MESSAGE_START}{message.role}\n{message.prefill}", False))
        pieces.append((message.text + (MESSAGE_END if message.learned else ""), message.learned))
        pieces.append(("\n" if message.learned else f"{MESSAGE_END}\n", False))
    return pieces
