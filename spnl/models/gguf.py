"""Reads the header of a GGUF file: what the model is, without loading its weights.

The format is ggml's (docs/gguf.md in ggml-org/ggml), little-endian, versions 2 and 3: the magic bytes and
the version, the counts of tensors and of metadata pairs, the pairs, the tensors' names, shapes, types and
offsets, and then, aligned, their data. The reader takes any bytes: every count, every length and the whole
header are bounded, nothing recurses, and arrays are walked, not kept.

Imports errors, frozen records and the tables of `ggml`.
"""

from __future__ import annotations

import mmap
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import BinaryIO

from spnl.errors import ModelError
from spnl.frozen import Frozen
from spnl.models.ggml import FILE_TYPES, TENSOR_TYPES

MAGIC = b"GGUF"

_LFS_POINTER = b"version https://git-lfs"
_AGAIN = "fetch or copy the file again"

_MAX_HEADER = 64 * 1024 * 1024  # four times the largest header seen, of 200,000 tokens and their merges
_MAX_ELEMENTS = 2_000_000
_MAX_PAIRS = 100_000
_MAX_TENSORS = 100_000
_MAX_DIMENSIONS = 8
_DEFAULT_ALIGNMENT = 32

_COUNT = struct.Struct("<Q")
_WORD = struct.Struct("<I")
_STRING, _ARRAY = 8, 9
_SCALARS = {
    number: struct.Struct(f"<{layout}")
    for number, layout in {
        0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
    }.items()
}  # fmt: skip

Scalar = str | int | float | bool


class Tensor(Frozen):
    """One tensor: `shape` with the fastest-moving dimension first, as the file has it.

    `end` is the offset into the data section at which it ends, or at which it begins where its type is
    not a known one.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    end: int


class Header(Frozen):
    """What a GGUF file says of its model. `metadata` holds the scalars and the texts, not the arrays.

    `tokens` are the texts of the tokens that the metadata names, as `{"bos": "<s>", "eos": "</s>"}`.
    """

    path: Path
    size: int
    metadata: dict[str, Scalar]
    tokens: dict[str, str]
    tensors: tuple[Tensor, ...]
    data_start: int

    @property
    def architecture(self) -> str:
        """The architecture's name, as in `llama`; empty where the file does not say."""
        return self._text("general.architecture") or ""

    @property
    def name(self) -> str | None:
        """What the model's maker calls it."""
        return self._text("general.name")

    @property
    def chat_template(self) -> str | None:
        """The chat template, in Jinja; None for a base model."""
        return self._text("tokenizer.chat_template")

    @property
    def context_length(self) -> int | None:
        """The most tokens that the model can attend to."""
        length = self.metadata.get(f"{self.architecture}.context_length")
        return length if isinstance(length, int) else None

    @property
    def quantisation(self) -> str | None:
        """How the weights are stored, as in `Q4_K_M`: as the file says, else its commonest type."""
        named = self.metadata.get("general.file_type")
        if isinstance(named, int) and named in FILE_TYPES:
            return FILE_TYPES[named]
        elements: Counter[str] = Counter()
        for tensor in self.tensors:
            elements[tensor.type] += prod(tensor.shape)
        return elements.most_common(1)[0][0] if elements else None

    @property
    def missing_bytes(self) -> int:
        """How many bytes the file lacks at its end; 0 where all tensors are there."""
        end = self.data_start + max((tensor.end for tensor in self.tensors), default=0)
        return max(0, end - self.size)

    def _text(self, key: str) -> str | None:
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None


def require_gguf(path: Path) -> None:
    """Look at the first bytes of a file; a `ModelError` says what it is where it is no GGUF file."""
    with _opened(path) as file:
        start = file.read(len(_LFS_POINTER))
    if not start:
        raise ModelError("damaged-model", f"{path} is empty", helps=(_AGAIN,))
    if start == _LFS_POINTER:
        raise ModelError(
            "not-a-model",
            f"{path} is a pointer of Git LFS to a model, not the model",
            helps=("fetch the file itself with `git lfs pull`",),
        )
    if not start.startswith(MAGIC):
        raise ModelError(
            "not-a-model",
            f"{path} is not a GGUF file",
            notes=(f"a GGUF file begins with 'GGUF', this one with {start[:4].decode('latin-1')!r}",),
            helps=("give a GGUF file, or a folder with config.json and *.safetensors",),
        )


def read_header(path: Path) -> Header:
    """Read the header of a GGUF file.

    A `ModelError` says what is wrong: `no-such-model`, `not-a-model` for a file that is no GGUF file,
    `damaged-model` for one that is cut off within its header or makes no sense.
    """
    require_gguf(path)
    with _opened(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _Reader(path, data).header()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ModelError("no-such-model", f"{path} cannot be read: {reason}") from None


def read_summary(path: Path) -> Header:
    """The beginning of a header, up to the tokenizer's arrays, which are long, without any tensors.

    Raises as `read_header` does, for what it reads.
    """
    require_gguf(path)
    with _opened(path) as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _Reader(path, data).summary()


class _Reader:
    """A place in the bytes of a file, moving forward only."""

    def __init__(self, path: Path, data: mmap.mmap) -> None:
        self._path = path
        self._data = data
        self._size = len(data)
        self._at = len(MAGIC)
        self._token_places: list[int] = []

    def header(self) -> Header:
        """Read everything up to the tensors' data."""
        tensor_count, pair_count = self._counts()
        metadata = dict(self._pairs(pair_count))
        tensors = tuple(self._tensor() for _ in range(tensor_count))
        start = self._aligned(metadata.get("general.alignment", _DEFAULT_ALIGNMENT))
        return Header(self._path, self._size, metadata, self._tokens(metadata), tensors, start)

    def summary(self) -> Header:
        """Read the pairs before the tokenizer's."""
        _, pair_count = self._counts()
        return Header(self._path, self._size, dict(self._pairs(pair_count, until="tokenizer.")), {}, (), 0)

    def _counts(self) -> tuple[int, int]:
        """How many tensors and metadata pairs there are."""
        version = self._number(_WORD)
        if version not in (2, 3):
            raise self._damaged(f"it has version {version} of the format, not 2 or 3")
        tensor_count = self._bounded(self._number(_COUNT), _MAX_TENSORS, "tensors")
        return tensor_count, self._bounded(self._number(_COUNT), _MAX_PAIRS, "metadata pairs")

    def _pairs(self, count: int, until: str | None = None) -> Iterator[tuple[str, Scalar]]:
        """The scalars and the texts of the metadata, up to a key that begins with `until`."""
        for _ in range(count):
            key = self._string()
            if until is not None and key.startswith(until):
                return
            value = self._value(key, self._number(_WORD))
            if value is not None:
                yield key, value

    def _value(self, key: str, kind: int) -> Scalar | None:
        if kind in _SCALARS:
            value: Scalar = self._number(_SCALARS[kind])
            return value
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            raise self._damaged(f"`{key[:80]}` has a value of an unknown kind, {kind}")
        kind = self._number(_WORD)
        count = self._bounded(self._number(_COUNT), _MAX_ELEMENTS, f"elements in `{key[:80]}`")
        if kind in _SCALARS:
            self._skip(count * _SCALARS[kind].size)
        elif kind == _STRING:
            places = self._skip_strings(count)
            if key == "tokenizer.ggml.tokens":
                self._token_places = places
        else:
            raise self._damaged(f"`{key[:80]}` is an array of an unknown kind, {kind}")
        return None

    def _tensor(self) -> Tensor:
        name = self._string()
        dimensions = self._bounded(self._number(_WORD), _MAX_DIMENSIONS, f"dimensions in `{name[:80]}`")
        shape = tuple(self._number(_COUNT) for _ in range(dimensions))
        kind = self._number(_WORD)
        offset = self._number(_COUNT)
        type_name, block, block_size = TENSOR_TYPES.get(kind, (f"type {kind}", 1, 0))
        return Tensor(name, type_name, shape, offset + -(-prod(shape) // block) * block_size)

    def _tokens(self, metadata: dict[str, Scalar]) -> dict[str, str]:
        """The texts of the special tokens, read again at the places that the walk has found."""
        tokens = {}
        for key in ("bos", "eos", "unknown"):
            token = metadata.get(f"tokenizer.ggml.{key}_token_id")
            if isinstance(token, int) and 0 <= token < len(self._token_places):
                self._at = self._token_places[token]
                tokens[key] = self._string()
        return tokens

    def _aligned(self, alignment: Scalar) -> int:
        if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
            raise self._damaged(f"its alignment is {alignment}")
        return -(-self._at // alignment) * alignment

    def _skip(self, length: int) -> int:
        """Move on by `length` bytes, all of which must be there; the place they begin at."""
        start = self._at
        self._at = start + length
        if self._at > self._size:
            raise ModelError(
                "damaged-model",
                f"{self._path} is cut off: its {self._size:,} bytes end within its header",
                helps=(_AGAIN,),
            )
        if self._at > _MAX_HEADER:
            raise self._damaged(f"its header is larger than {_MAX_HEADER >> 20} MiB")
        return start

    def _skip_strings(self, count: int) -> list[int]:
        """Move on by `count` strings; the places they begin at. A loop of its own: there are many."""
        places = []
        data, read, at = self._data, _COUNT.unpack_from, self._at
        try:
            for _ in range(count):
                places.append(at)
                at += 8 + read(data, at)[0]
        except (struct.error, OverflowError):
            at = max(at, self._size) + 8
        self._skip(at - self._at)
        return places

    def _number(self, layout: struct.Struct) -> int:
        number: int = layout.unpack_from(self._data, self._skip(layout.size))[0]
        return number

    def _string(self) -> str:
        start = self._skip(self._number(_COUNT))
        return self._data[start : self._at].decode("utf-8", errors="replace")

    def _bounded(self, count: int, limit: int, what: str) -> int:
        if count > limit:
            raise self._damaged(f"it announces {count:,} {what}")
        return count

    def _damaged(self, reason: str) -> ModelError:
        return ModelError("damaged-model", f"{self._path} is damaged: {reason}", helps=(_AGAIN,))
