"""The reader of GGUF headers: right about real files, and calm about all others."""

from __future__ import annotations

import struct
from pathlib import Path

import gguf
import pytest
from fixtures_models import TINY, ModelFiles, copy_gguf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spnl.errors import ModelError
from spnl.models.gguf import Header, read_header


def _start(version: int = 3, tensors: int = 0, pairs: int = 0) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, pairs)


def _string(text: bytes) -> bytes:
    return struct.pack("<Q", len(text)) + text


def _refusal(path: Path, content: bytes) -> ModelError:
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_header(path)
    return caught.value


def test_the_header_says_what_the_gguf_package_says() -> None:
    header, reader = read_header(TINY), gguf.GGUFReader(TINY)
    assert header.architecture == "llama"
    assert header.name == "tiny"
    assert header.quantisation == "F16"
    for key in ("llama.context_length", "llama.rope.freq_base", "tokenizer.chat_template"):
        field = reader.get_field(key)
        assert field is not None
        assert header.metadata[key] == field.contents()
    assert header.context_length == header.metadata["llama.context_length"]
    assert header.chat_template == header.metadata["tokenizer.chat_template"]
    assert header.data_start == reader.data_offset
    assert [(t.name, t.type, t.shape, t.end) for t in header.tensors] == [
        (t.name, t.tensor_type.name, tuple(t.shape), t.data_offset - reader.data_offset + t.n_bytes)
        for t in reader.tensors
    ]


def test_the_special_tokens_are_read_from_the_vocabulary() -> None:
    reader = gguf.GGUFReader(TINY)
    tokens = reader.get_field("tokenizer.ggml.tokens").contents()
    expected = {
        name: tokens[reader.get_field(f"tokenizer.ggml.{name}_token_id").contents()]
        for name in ("bos", "eos")
    }
    assert read_header(TINY).tokens == expected


@pytest.mark.parametrize("kind", ["Q4_0", "Q8_0", "IQ4_NL", "BF16"])
def test_a_quantised_file_is_measured_in_blocks(kind: str, tmp_path: Path) -> None:
    path = copy_gguf(tmp_path / "x.gguf", quantise=gguf.GGMLQuantizationType[kind])
    header = read_header(path)
    assert header.quantisation == kind
    assert header.missing_bytes == 0
    end = header.data_start + max(tensor.end for tensor in header.tensors)
    assert end <= path.stat().st_size < end + 32


def test_without_a_file_type_the_commonest_type_is_the_quantisation(tmp_path: Path) -> None:
    path = copy_gguf(
        tmp_path / "x.gguf",
        quantise=gguf.GGMLQuantizationType.Q4_0,
        dropped=("general.file_type", "general.name", "tokenizer.chat_template", "llama.context_length"),
    )
    header = read_header(path)
    assert header.quantisation == "Q4_0"
    assert (header.name, header.chat_template, header.context_length) == (None, None, None)


def test_a_file_that_lacks_data_says_how_much(files: ModelFiles) -> None:
    header = read_header(files.truncated)
    assert header.size + header.missing_bytes == read_header(TINY).size
    assert read_header(files.header_only).missing_bytes == TINY.stat().st_size - header.data_start


@pytest.mark.parametrize("length", [4, 7, 8, 23, 24, 31, 200, 5000, 20000])
def test_a_file_that_ends_in_its_header_is_cut_off(length: int, tmp_path: Path) -> None:
    error = _refusal(tmp_path / "x.gguf", TINY.read_bytes()[:length])
    assert error.id == "damaged-model"
    assert "is cut off" in error.message


def test_a_file_of_another_kind_is_not_a_model(tmp_path: Path) -> None:
    error = _refusal(tmp_path / "x.gguf", b"hello")
    assert error.id == "not-a-model"
    assert "is not a GGUF file" in error.message
    assert "this one with 'hell'" in error.notes[0]


def test_an_empty_file_says_so(tmp_path: Path) -> None:
    error = _refusal(tmp_path / "x.gguf", b"")
    assert (error.id, error.message) == ("damaged-model", f"{tmp_path / 'x.gguf'} is empty")


def test_a_pointer_of_git_lfs_is_recognised(tmp_path: Path) -> None:
    error = _refusal(tmp_path / "x.gguf", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    assert error.id == "not-a-model"
    assert "git lfs pull" in error.helps[0]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        read_header(tmp_path / "none.gguf")
    assert caught.value.id == "no-such-model"


KEY = _string(b"k")
DAMAGED = {
    "version": (_start(version=1), "version 1 of the format"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version 50331648"),
    "tensors": (_start(tensors=2**60), "announces 1,152,921,504,606,846,976 tensors"),
    "pairs": (_start(pairs=2**60), "metadata pairs"),
    "kind": (_start(pairs=1) + KEY + struct.pack("<I", 77), "`k` has a value of an unknown kind, 77"),
    "elements": (_start(pairs=1) + KEY + struct.pack("<IIQ", 9, 4, 2**62), "elements in `k`"),
    "nesting": (_start(pairs=1) + KEY + struct.pack("<IIQ", 9, 9, 1), "an array of an unknown kind, 9"),
    "alignment": (
        _start(pairs=1) + _string(b"general.alignment") + struct.pack("<II", 4, 0),
        "its alignment is 0",
    ),
    "dimensions": (_start(tensors=1) + KEY + struct.pack("<I", 2**31), "dimensions in `k`"),
    "key's length": (_start(pairs=1) + struct.pack("<Q", 2**63), "is cut off"),
    "string's length": (_start(pairs=1) + KEY + struct.pack("<IQ", 8, 2**64 - 1), "is cut off"),
    "string in an array": (_start(pairs=1) + KEY + struct.pack("<IIQQ", 9, 8, 3, 2**64 - 1), "is cut off"),
    "array's end": (_start(pairs=1) + KEY + struct.pack("<IIQ", 9, 10, 1_000_000), "is cut off"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_numbers_that_make_no_sense_are_refused_before_they_are_used(case: str, tmp_path: Path) -> None:
    content, words = DAMAGED[case]
    error = _refusal(tmp_path / "x.gguf", content)
    assert error.id == "damaged-model"
    assert words in error.message


def test_a_header_larger_than_any_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    with path.open("wb") as file:
        file.write(_start(pairs=1) + KEY + struct.pack("<IQ", 8, 2**27))
        file.truncate(2**27 + 1000)
    with pytest.raises(ModelError) as caught:
        read_header(path)
    assert "its header is larger than 64 MiB" in caught.value.message


def test_an_unknown_type_of_tensor_is_left_to_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(_start(tensors=1) + KEY + struct.pack("<IQQIQ", 2, 32, 3, 99, 64) + bytes(200))
    header = read_header(path)
    assert [(t.type, t.shape, t.end) for t in header.tensors] == [("type 99", (32, 3), 64)]
    assert header.missing_bytes == 0


REAL = TINY.read_bytes()[: gguf.GGUFReader(TINY).data_offset]
ANY_FILE = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _is_read_or_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        header = read_header(path)
    except ModelError as error:
        assert error.id in ("damaged-model", "not-a-model")
    else:
        assert isinstance(header, Header)
        # All that can be asked of a header has an answer.
        assert header.missing_bytes >= 0
        assert (header.architecture, header.name, header.quantisation, header.context_length) is not None


@ANY_FILE
@given(content=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes, tmp_path: Path) -> None:
    _is_read_or_refused(tmp_path / "x.gguf", content)
    _is_read_or_refused(tmp_path / "x.gguf", b"GGUF\x03\0\0\0" + content)


@ANY_FILE
@given(
    changes=st.lists(st.tuples(st.integers(4, len(REAL) - 8), st.binary(min_size=1, max_size=8)), max_size=6),
    cut=st.integers(0, len(REAL)),
)
def test_a_changed_header_is_read_or_refused(
    changes: list[tuple[int, bytes]], cut: int, tmp_path: Path
) -> None:
    content = bytearray(REAL)
    for place, new in changes:
        content[place : place + len(new)] = new
    _is_read_or_refused(tmp_path / "x.gguf", bytes(content))
    _is_read_or_refused(tmp_path / "x.gguf", bytes(content[:cut]))
