"""Headers of models' files, as `spnl show` and the loader read them before the engine does.

An input that begins with `GGUF` is such a file. Any other is a folder with safetensors: the header of
`model.safetensors`, config.json and tokenizer_config.json, with a line `%%` between them.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from spnl import cli
from spnl.backends.mistralrs import backend
from spnl.errors import ModelError
from spnl.models.chat import ChatTemplate
from spnl.models.gguf import read_header, read_summary
from spnl.models.locating import locate

ROOT = Path(__file__).parents[2]
TINY = ROOT / "spnl" / "data" / "tiny.gguf"

_BETWEEN = b"\n%%\n"
_COUNT = struct.Struct("<Q")
_WORD = struct.Struct("<I")


def try_one(data: bytes, folder: Path) -> None:
    """Show a model, and read it as the loader does; a fault of ours raises.

    Templates are compiled and rendered in a process of their own, which has its own test.
    """
    path = _written(data, folder)
    with patch.object(ChatTemplate, "render", lambda *_, **__: "spnl-probe"):
        _show(path)
        with contextlib.suppress(ModelError):
            backend._template(locate(str(path)))
        with contextlib.suppress(ModelError):
            read_summary(folder / "model.gguf")


def _written(data: bytes, folder: Path) -> Path:
    if data.startswith(b"GGUF"):
        path = folder / "model.gguf"
        path.write_bytes(data)
        return path
    path = folder / "model"
    path.mkdir(exist_ok=True)
    header, config, tokenizer = (*data.split(_BETWEEN, 2), b"{}", b"{}")[:3]
    length = header[:8] if header[8:9] == b"{" else _COUNT.pack(len(header))
    (path / "model.safetensors").write_bytes(length + header[8 * (length == header[:8]) :] + bytes(64))
    (path / "config.json").write_bytes(config)
    (path / "tokenizer_config.json").write_bytes(tokenizer)
    (path / "tokenizer.json").write_bytes(b"{}")
    return path


def _show(path: Path) -> None:
    form = ["--json"] if path.stat().st_size % 2 else []
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        patch.object(cli, "_report_bug", _raise),
    ):
        code = cli.run(["show", str(path), *form])
    assert code in (0, 4), err.getvalue()
    written = out.buffer.getvalue().decode()  # type: ignore[attr-defined]
    if form and code == 0:
        json.loads(written)


def _raise() -> None:
    error = sys.exc_info()[1]
    assert error is not None
    raise error


def seeds() -> Iterator[bytes]:
    """The real header of `tiny`, small headers with every kind of value, and headers of safetensors."""
    yield TINY.read_bytes()[: read_header(TINY).data_start]
    yield _gguf([], [])
    kinds = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
    scalars = [(b"k%d" % kind, _WORD.pack(kind) + struct.pack(f"<{code}", 1)) for kind, code in kinds.items()]
    llama = [
        (b"general.architecture", _text(b"llama")),
        (b"general.name", _text(b"a model")),
        (b"general.file_type", _WORD.pack(4) + _WORD.pack(15)),
        (b"llama.context_length", _WORD.pack(4) + _WORD.pack(2048)),
        (b"tokenizer.chat_template", _text(b"{% for m in messages %}{{ m.content }}{% endfor %}")),
        (b"tokenizer.ggml.tokens", _texts([b"<s>", b"</s>", b"a"])),
        (b"tokenizer.ggml.bos_token_id", _WORD.pack(4) + _WORD.pack(0)),
        (b"tokenizer.ggml.eos_token_id", _WORD.pack(4) + _WORD.pack(1)),
    ]
    tensors = [(b"token_embd.weight", (64, 3), 0, 0), (b"output.weight", (256, 2), 12, 768)]
    yield _gguf(scalars, [])
    yield _gguf(llama, tensors)
    yield _gguf([*llama, (b"general.alignment", _WORD.pack(4) + _WORD.pack(64))], tensors) + bytes(2000)
    for kind, code in kinds.items():
        array = _WORD.pack(9) + _WORD.pack(kind) + _COUNT.pack(2) + struct.pack(f"<2{code}", 1, 0)
        yield _gguf([(b"a", array)], tensors[:1])
    tensor = {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "max_position_embeddings": 2048,
        "torch_dtype": "bfloat16",
        "text_config": {"max_position_embeddings": 7},
        "quantization_config": {"quant_method": "gptq", "bits": 4},
    }
    tokenizer = {"chat_template": "{{ messages }}", "bos_token": {"content": "<s>"}, "eos_token": "</s>"}
    several = {"chat_template": [{"name": "default", "template": "x"}, {"name": "y", "template": "z"}]}
    plain = {"a": tensor, "__metadata__": {"format": "pt"}}
    scales = {f"a.{part}": tensor for part in ("weight", "scales", "biases")}
    for header in (plain, scales, {}, {"a": {**tensor, "shape": []}}):
        for described in (tokenizer, several):
            yield _BETWEEN.join(json.dumps(part).encode() for part in (header, config, described))


def words() -> Iterator[bytes]:
    """The keys that are read, and numbers at the limits of their types."""
    keys = ("general.architecture", "general.alignment", "general.file_type", "tokenizer.chat_template")
    for key in (*keys, "tokenizer.ggml.tokens", "tokenizer.ggml.bos_token_id", "llama.context_length"):
        yield _COUNT.pack(len(key)) + key.encode()
    for number in _NUMBERS:
        yield _COUNT.pack(number)
        yield _WORD.pack(number & 0xFFFFFFFF)
    for key in (
        "dtype",
        "shape",
        "__metadata__",
        "architectures",
        "max_position_embeddings",
        "chat_template",
    ):
        yield f'"{key}":'.encode()
    yield from (
        _BETWEEN,
        b"GGUF",
        b"[",
        b"{",
        b"1e999",
        b"-1",
        b"NaN",
        b"null",
        b"true",
        b'"\\ud800"',
        b"9" * 50,
    )


_NUMBERS = (0, 1, 2, 7, 8, 9, 31, 32, 255, 1 << 16, 1 << 20, (1 << 31) - 1, 1 << 32, (1 << 63) - 1, 1 << 63)
_KEYS = sorted(set(words()))


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """A file with a number in it replaced, a run of bytes lost or doubled, or a word put in."""
    chance = random.Random(seed)
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        at = chance.randint(4, max(4, min(len(changed), chance.choice((64, 512, 1 << 20)))))
        match chance.randrange(5):
            case 0 if data.startswith(b"GGUF"):
                layout = chance.choice((_COUNT, _WORD))
                number = (chance.choice(_NUMBERS) + chance.choice((-1, 0, 0, 1))) % (1 << 8 * layout.size)
                place = chance.choice(_places(bytes(changed)))
                changed[place : place + layout.size] = layout.pack(number)
            case 0:
                digits = [found.span() for found in re.finditer(rb"\d+", changed)] or [(0, 0)]
                start, end = chance.choice(digits)
                changed[start:end] = b"%d" % chance.choice(_NUMBERS) * chance.choice((1, 1, 2, 50, 300))
            case 1:
                del changed[at : at + chance.choice((1, 4, 8, 40))]
            case 2:
                changed[at:at] = changed[at : at + chance.choice((8, 40, 400))]
            case 3:
                changed[at:at] = chance.choice(_KEYS)
            case _:
                word = chance.choice(_KEYS)
                changed[at : at + len(word)] = word
    return bytes(changed[:most])


def _places(data: bytes) -> list[int]:
    """Where numbers stand in a GGUF file: the counts at its head, and what surrounds a text."""
    places = [4, 8, 16]
    for found in re.finditer(rb"[a-z_.]{2,40}", data[:20000]):
        places += [max(4, found.start() - 8), found.end(), found.end() + 4, found.end() + 12]
    return places


def _gguf(pairs: list[tuple[bytes, bytes]], tensors: list[tuple[bytes, tuple[int, ...], int, int]]) -> bytes:
    parts = [b"GGUF", _WORD.pack(3), _COUNT.pack(len(tensors)), _COUNT.pack(len(pairs))]
    for key, value in pairs:
        parts += [_COUNT.pack(len(key)), key, value]
    for name, shape, kind, offset in tensors:
        parts += [_COUNT.pack(len(name)), name, _WORD.pack(len(shape)), *map(_COUNT.pack, shape)]
        parts += [_WORD.pack(kind), _COUNT.pack(offset)]
    return b"".join(parts)


def _text(text: bytes) -> bytes:
    return _WORD.pack(8) + _COUNT.pack(len(text)) + text


def _texts(texts: list[bytes]) -> bytes:
    parts = [_COUNT.pack(len(text)) + text for text in texts]
    return _WORD.pack(9) + _WORD.pack(8) + _COUNT.pack(len(texts)) + b"".join(parts)
