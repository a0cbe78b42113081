"""A model's chat template: where it is found, and what it makes of messages.

The template belongs to the model, so it runs in Jinja's sandbox. What surrounds it is what Hugging Face's
transformers gives templates (`apply_chat_template`) and what the engine gives them in turn: trimmed blocks,
`raise_exception`, `tojson`, `strftime_now`, loop controls. Imports frozen records and the other modules of
models.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spnl.errors import UsageError
from spnl.frozen import Frozen
from spnl.models.files import read_bytes, read_json
from spnl.models.gguf import Header

if TYPE_CHECKING:
    from jinja2 import Template

_MOST_BYTES = 1024 * 1024
_GENERATION_MARKS = r"\{%-?\s*(?:end)?generation\s*-?%\}"


class ChatTemplate(Frozen):
    """A chat template in Jinja, and the special tokens that it may name."""

    text: str
    bos_token: str | None = None
    eos_token: str | None = None
    unk_token: str | None = None

    def render(self, messages: Sequence[tuple[str, str]], **controls: Any) -> str | None:
        """The prompt for (role, text) pairs, or None where the template refuses them.

        `controls` are what else the template may ask for, as `enable_thinking`.
        """
        try:
            return _compiled(self.text).render(
                messages=[{"role": role, "content": text} for role, text in messages],
                add_generation_prompt=True,
                bos_token=self.bos_token,
                eos_token=self.eos_token,
                unk_token=self.unk_token,
                **controls,
            )
        except Exception:  # the template's own code: it may fail in any way
            return None


def read_template(path: Path) -> str:
    """A chat template in a file of its own. `UsageError` `bad-setting` where it cannot be read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(
                "bad-setting",
                f"{path} is larger than a chat template can be",
                helps=("name another file with --chat-template",),
            )
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError):
            reason, help = (error.strerror or "unknown reason").lower(), "see to the file and its permissions"
        else:
            reason, help = "it is not UTF-8 text", "save it as UTF-8"
        message = f"the chat template {path} cannot be read: {reason}"
        raise UsageError("bad-setting", message, helps=(help,)) from None
    if path.suffix != ".jinja":
        raise UsageError(
            "bad-setting",
            f"the chat template {path} is not called so: the engine takes names that end in .jinja",
            helps=("give the file a name that ends in .jinja",),
        )
    return _without_fault(text, path)


def _without_fault(text: str, path: Path) -> str:
    """A template as it is. `UsageError` `bad-setting` where it is no Jinja."""
    from jinja2 import TemplateSyntaxError

    try:
        _compiled(text)
    except TemplateSyntaxError as error:
        message = f"the chat template {path} is wrong in line {error.lineno}: {error.message}"
        raise UsageError("bad-setting", message, helps=("correct it there",)) from None
    return text


def template_of_gguf(header: Header) -> ChatTemplate | None:
    """The chat template in a GGUF file's metadata."""
    if header.chat_template is None:
        return None
    tokens = header.tokens
    return ChatTemplate(header.chat_template, tokens.get("bos"), tokens.get("eos"), tokens.get("unknown"))


def template_of_folder(folder: Path) -> ChatTemplate | None:
    """The chat template of a folder, looked for where the engine looks and in its order:

    `chat_template.jinja`, `chat_template` in `tokenizer_config.json`, `chat_template.json`. A `ModelError`
    `damaged-model` names a file that makes no sense.
    """
    config = read_json(folder / "tokenizer_config.json")
    text = _text(folder / "chat_template.jinja")
    if text is None:
        text = _default(config.get("chat_template"))
    if text is None:
        text = _default(read_json(folder / "chat_template.json").get("chat_template"))
    if text is None:
        return None
    return ChatTemplate(text, *(_token(config.get(f"{name}_token")) for name in ("bos", "eos", "unk")))


def _default(template: Any) -> str | None:
    """The template itself; where there are several, that called `default`, else the last."""
    if isinstance(template, list):
        named = {item.get("name"): item.get("template") for item in template if isinstance(item, dict)}
        template = named.get("default", next(reversed(named.values()), None))
    return template if isinstance(template, str) else None


def _token(value: Any) -> str | None:
    """A special token's text: written as such, or as `{"content": …}`."""
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) else None


def _text(path: Path) -> str | None:
    try:
        return read_bytes(path).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


@lru_cache(maxsize=8)
def _compiled(text: str) -> Template:
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    # Marks for training, which transformers' own extension reads and the engine deletes.
    return environment.from_string(re.sub(_GENERATION_MARKS, "", text))


def _to_json(value: Any, indent: int | None = None) -> str:
    """Jinja's own `tojson` escapes for HTML; a prompt is not HTML."""
    import json

    return json.dumps(value, ensure_ascii=False, indent=indent)


def _raise_exception(message: str) -> None:
    from jinja2 import TemplateError

    raise TemplateError(message)


def _strftime_now(layout: str) -> str:
    from datetime import UTC, datetime

    return datetime.now(UTC).strftime(layout)
