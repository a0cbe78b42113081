"""Models of strangers: files that are there to hang or to fill the memory are shown or refused at once."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from time import monotonic

import pytest
from fixtures_models import ModelFiles, copy_gguf

from spnl.errors import ModelError
from spnl.models import probing
from spnl.models.chat import ChatTemplate
from spnl.models.description import describe
from spnl.models.files import read_json
from spnl.models.probing import roles_of
from spnl.models.safetensors import read_tensors


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ 9**(9**9) }}",
        "{{ 'a' * 10**11 }}",
        "{% set n = namespace(x='aaaa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        "{{ '%099999999999d' % 1 }}",
        "{{ " + "[" * 3000 + "]" * 3000 + " }}",
        "{% macro f() %}{{ f() }}{{ f() }}{% endmacro %}{{ f() }}",
    ],
    ids=lambda text: text[:20],
)
def test_a_template_that_never_ends_or_fills_the_memory_takes_no_role(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "SECONDS", 1)
    started = monotonic()
    assert roles_of(ChatTemplate(text + "{% for m in messages %}{{ m.content }}{% endfor %}")) == ()
    assert monotonic() - started < 10


def test_a_template_is_tried_in_each_role() -> None:
    users = "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}"
    assert roles_of(ChatTemplate(users)) == ("user",)
    strict = "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}"
    assert roles_of(ChatTemplate(strict + "{{ messages | map(attribute='content') | join }}")) == (
        "user",
        "assistant",
    )
    assert roles_of(ChatTemplate("{{ bos_token }}{{ messages[0].content }}", "<s>")) == ("system", "user")
    assert roles_of(None) is None


def test_a_model_with_such_a_template_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "SECONDS", 1)
    path = copy_gguf(tmp_path / "x.gguf", changed={"tokenizer.chat_template": "{{ 9**(9**9) }}"})
    found = describe(str(path))
    assert (found.architecture, found.has_chat_template, found.roles) == ("llama", True, ())


@pytest.mark.parametrize(
    "shape",
    ["9" * 4000, "-1", "1.5", "true", '"7"', "null", f"{2**63}", ",".join(["2"] * 17)],
    ids=lambda shape: shape[:10],
)
def test_a_shape_that_can_be_none_is_damage(shape: str, tmp_path: Path) -> None:
    """The number of parameters is a product: one of numbers without limit takes for ever."""
    header = b'{"a": {"dtype": "F16", "shape": [%s], "data_offsets": [0, 0]}}' % shape.encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(ModelError) as caught:
        read_tensors(path)
    assert caught.value.id == "damaged-model"


def test_a_header_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 90_000_000))
        file.truncate(100_000_000)
    with pytest.raises(ModelError) as caught:
        read_tensors(path)
    assert caught.value.id == "damaged-model"


def test_the_files_beside_the_weights_are_regular_and_small(files: ModelFiles, tmp_path: Path) -> None:
    pipe, large = tmp_path / "pipe.json", tmp_path / "large.json"
    os.mkfifo(pipe)
    with large.open("wb") as file:
        file.truncate(1 << 40)
    for path, words in ((pipe, "not a regular file"), (large, "more than 33,554,432 bytes")):
        with pytest.raises(ModelError) as caught:
            read_json(path)
        assert words in caught.value.message
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 200_000)
    with pytest.raises(ModelError):
        read_json(deep)
    assert json.loads(files.safetensors.joinpath("config.json").read_bytes()) == read_json(
        files.safetensors / "config.json"
    )
