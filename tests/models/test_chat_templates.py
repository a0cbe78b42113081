"""Chat templates: where they are found, and what they make of messages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fixtures_models import TINY, ModelFiles

from spnl.errors import ModelError
from spnl.models.chat import ChatTemplate, template_of_folder, template_of_gguf
from spnl.models.gguf import read_header


def _rendered(template: str, *messages: tuple[str, str], **controls: Any) -> str | None:
    return ChatTemplate(template, "<s>", "</s>").render(messages, **controls)


def test_the_template_and_tokens_of_a_gguf_file(files: ModelFiles) -> None:
    template = template_of_gguf(read_header(TINY))
    assert template is not None
    assert (template.bos_token, template.eos_token) == ("<|endoftext|>", "<|im_end|>")
    assert template.render((("user", "Hi"),)) == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    assert template_of_gguf(read_header(files.base)) is None


def test_a_folder_is_looked_through_in_the_engines_order(tmp_path: Path) -> None:
    assert template_of_folder(tmp_path) is None
    (tmp_path / "chat_template.json").write_text(json.dumps({"chat_template": "third"}))
    assert template_of_folder(tmp_path) == ChatTemplate("third")
    config = {
        "chat_template": "second",
        "bos_token": "<s>",
        "eos_token": {"content": "</s>"},
        "unk_token": None,
    }
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    assert template_of_folder(tmp_path) == ChatTemplate("second", "<s>", "</s>")
    (tmp_path / "chat_template.jinja").write_text("first")
    assert template_of_folder(tmp_path) == ChatTemplate("first", "<s>", "</s>")


def test_of_several_templates_the_default_is_taken(tmp_path: Path) -> None:
    named = [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "tools"}]
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": named}))
    assert template_of_folder(tmp_path) == ChatTemplate("plain")


def test_a_tokenizer_config_that_is_no_json_is_damage(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(ModelError) as caught:
        template_of_folder(tmp_path)
    assert caught.value.id == "damaged-model"


def test_blocks_are_trimmed_as_transformers_trims_them() -> None:
    template = (
        "{% for m in messages %}\n  {% if m.role == 'user' %}\n{{ m.content }}\n  {% endif %}\n{% endfor %}\n"
    )
    assert _rendered(template, ("user", "a"), ("system", "b"), ("user", "c")) == "a\nc\n"


def test_what_templates_ask_for_is_there() -> None:
    now = datetime.now(UTC)
    assert _rendered("{{ strftime_now('%Y') }}") in (str(now.year), str(now.year + 1))
    assert _rendered("{{ bos_token }}{{ eos_token }}{{ add_generation_prompt }}") == "<s></s>True"
    assert _rendered("{{ {'a': '<é>'} | tojson }}") == '{"a": "<é>"}'
    assert _rendered("{{ [1] | tojson(indent=1) }}") == "[\n 1\n]"
    first_only = "{% for m in messages %}{{ m.content }}{% break %}{% endfor %}"
    assert _rendered(first_only, ("user", "a"), ("user", "b")) == "a"
    assert _rendered("{% generation %}{{ messages[0]['content'] }}{%- endgeneration %}", ("user", "a")) == "a"
    assert _rendered("{{ enable_thinking }}{{ effort is defined }}", enable_thinking=False) == "FalseFalse"


@pytest.mark.parametrize(
    "template",
    [
        "{{ raise_exception('no') }}",
        "{% for %}",
        "{{ messages[7].content.x }}",
        "{{ 1 + 'a' }}",
        "{{ ''.__class__.__mro__ }}",
        "{% for i in range(10**9) %}x{% endfor %}",
        "{{ messages.append(1) }}",
    ],
)
def test_a_template_that_fails_or_reaches_out_renders_nothing(template: str) -> None:
    assert _rendered(template, ("user", "a")) is None
