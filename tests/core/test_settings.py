"""The engine's environment variables: what they accept, and that nothing else passes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from fixtures_models import TINY

from spnl.errors import UsageError
from spnl.settings import VARIABLES, Settings, read_settings


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = read_settings({})
    assert settings == Settings()
    assert (settings.isq, settings.paged_attention, settings.block_size) == (None, None, 32)
    assert (settings.prefix_cache, settings.no_stream) == (16, False)
    assert (settings.device, settings.verbose) == ("auto", False)


def test_every_setting_has_its_variable() -> None:
    assert [variable.field for variable in VARIABLES] == list(Settings().as_dict())
    assert all(variable.name.startswith("MISTRALRS_") for variable in VARIABLES)


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_an_empty_variable_counts_as_not_set(variable: Any) -> None:
    assert read_settings({variable.name: ""}) == read_settings({variable.name: "  "}) == Settings()


ISQ = {
    "Q4K": "Q4K", "q4k": "Q4K", "Q4_K": "Q4K", "Q4_K_M": "Q4K", "Q4_K_S": "Q4K", "Q3_K_L": "Q3K",
    "Q2_K": "Q2K", "Q5_K_M": "Q5K", "Q6_K": "Q6K", "Q8K": "Q8K", "Q8": "Q8_0", "Q80": "Q8_0", "Q8_0": "Q8_0",
    "q8_1": "Q8_1", "Q40": "Q4_0", "Q4_1": "Q4_1", "Q50": "Q5_0", "Q5_1": "Q5_1", "HQQ4": "HQQ4",
    "hqq8": "HQQ8", "AFQ2": "AFQ2", "AFQ3": "AFQ3", "AFQ4": "AFQ4", "AFQ6": "AFQ6", "AFQ8": "AFQ8",
    "FP8": "FP8", "F8Q8": "F8Q8", "MXFP4": "MXFP4", "4": "4", "none": None, "False": None,
}  # fmt: skip


@pytest.mark.parametrize("text", ISQ)
def test_quantisations_by_all_their_names(text: str) -> None:
    assert read_settings({"MISTRALRS_ISQ": text}).isq == ISQ[text]


VALUES = [
    ("MISTRALRS_PAGED_ATTN", "true", "paged_attention", True),
    ("MISTRALRS_PAGED_ATTN", "0", "paged_attention", False),
    ("MISTRALRS_PAGED_ATTN_BLOCK_SIZE", "8", "block_size", 8),
    ("MISTRALRS_PAGED_ATTN_BLOCK_SIZE", " 16 ", "block_size", 16),
    ("MISTRALRS_PREFIX_CACHE_N", "0", "prefix_cache", 0),
    ("MISTRALRS_PREFIX_CACHE_N", "False", "prefix_cache", 0),
    ("MISTRALRS_PREFIX_CACHE_N", "64", "prefix_cache", 64),
    ("MISTRALRS_PAGED_ATTN_MEMORY", "0.85", "memory", 0.85),
    ("MISTRALRS_PAGED_ATTN_MEMORY", "1", "memory", 1.0),
    ("MISTRALRS_PAGED_ATTN_MEMORY", "4GiB", "memory", "4GiB"),
    ("MISTRALRS_PAGED_ATTN_MEMORY", "65536 tokens", "memory", "65536tokens"),
    ("MISTRALRS_PAGED_ATTN_CACHE_TYPE", "F8E4M3", "cache_type", "f8e4m3"),
    ("MISTRALRS_MAX_SEQS", "10", "max_seqs", 10),
    ("MISTRALRS_DTYPE", "BF16", "dtype", "bf16"),
    ("MISTRALRS_TOPOLOGY", __file__, "topology", __file__),
    ("MISTRALRS_CHAT_TEMPLATE", __file__, "chat_template", __file__),
    ("MISTRALRS_TOKENIZER", __file__, "tokenizer", __file__),
    ("MISTRALRS_XLORA", "org/repo", "xlora", "org/repo"),
    ("MISTRALRS_XLORA_ORDER", __file__, "xlora_order", __file__),
    ("MISTRALRS_SPECULATIVE_DRAFT_MODEL", "org/repo", "draft_model", "org/repo"),
    ("MISTRALRS_SPECULATIVE_GAMMA", "16", "draft_tokens", 16),
    ("MISTRALRS_NO_STREAM", "1", "no_stream", True),
    ("MISTRALRS_NO_STREAM", "no", "no_stream", False),
    ("MISTRALRS_DEVICE", "CUDA", "device", "cuda"),
    ("MISTRALRS_VERBOSE", "Yes", "verbose", True),
]


@pytest.mark.parametrize(("name", "text", "field", "value"), VALUES)
def test_a_value_sets_its_field_and_no_other(name: str, text: str, field: str, value: Any) -> None:
    assert read_settings({name: text}) == Settings(**{field: value})


BAD = [
    ("MISTRALRS_ISQ", "Q9K", "Q4K, Q5K, Q8_0"),
    ("MISTRALRS_ISQ", "IQ4_XS", "Q4K, Q5K, Q8_0"),
    ("MISTRALRS_PAGED_ATTN", "maybe", "`true` or `false`"),
    ("MISTRALRS_PAGED_ATTN_BLOCK_SIZE", "0", "8, 16 or 32"),
    ("MISTRALRS_PAGED_ATTN_BLOCK_SIZE", "64", "8, 16 or 32"),
    ("MISTRALRS_PAGED_ATTN_MEMORY", "85", "a share from 0 to 1"),
    ("MISTRALRS_PAGED_ATTN_MEMORY", "nan", "a share from 0 to 1"),
    ("MISTRALRS_PAGED_ATTN_MEMORY", "4 apples", "`4GiB`"),
    ("MISTRALRS_PAGED_ATTN_CACHE_TYPE", "fp8", "`auto` or `f8e4m3`"),
    ("MISTRALRS_MAX_SEQS", "0", "a whole number"),
    ("MISTRALRS_DTYPE", "f64", "`auto`, `bf16`, `f16` or `f32`"),
    ("MISTRALRS_TOPOLOGY", "/no/where.yml", "a topology in YAML"),
    ("MISTRALRS_CHAT_TEMPLATE", "/", "a chat template in Jinja"),
    ("MISTRALRS_SPECULATIVE_GAMMA", "-1", "a whole number"),
    ("MISTRALRS_PREFIX_CACHE_N", "-1", "a whole number"),
    ("MISTRALRS_PREFIX_CACHE_N", "true", "a whole number"),
    ("MISTRALRS_PREFIX_CACHE_N", "1.5", "a whole number"),
    ("MISTRALRS_PREFIX_CACHE_N", "9" * 5000, "a whole number"),
    ("MISTRALRS_NO_STREAM", "2", "`true` or `false`"),
    ("MISTRALRS_DEVICE", "gpu", "`auto`, `cpu`, `cuda` or `metal`"),
    ("MISTRALRS_VERBOSE", "very", "`true` or `false`"),
]


@pytest.mark.parametrize(("name", "text", "accepts"), BAD)
def test_a_value_that_makes_no_sense_is_an_error(name: str, text: str, accepts: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_settings({name: text})
    assert (caught.value.id, caught.value.exit_code) == ("bad-variable", 2)
    assert name in caught.value.message
    assert accepts in caught.value.message
    assert text[:40] in caught.value.message
    assert len(caught.value.message) < 250


def test_a_misspelt_quantisation_is_guessed() -> None:
    with pytest.raises(UsageError) as caught:
        read_settings({"MISTRALRS_ISQ": "Q4KM"})
    assert caught.value.helps == ("did you mean `Q4K`?",)


LIGHT = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
import spnl.settings, spnl.backends.pool, spnl.models.local
heavy = {"mistralrs", "jinja2", "importlib.metadata", "huggingface_hub", "json", "difflib",
         "asyncio", "logging", "concurrent.futures", "spnl.backends.mistralrs.engine"}
print(sorted(heavy & set(sys.modules) - before))
"""


def test_nothing_heavy_is_imported_before_a_model_is_loaded() -> None:
    asked = [sys.executable, "-c", LIGHT, str(TINY.parent.parent.parent)]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


def test_flags_stand_above_the_environment_above_the_configuration() -> None:
    configured = {"isq": "Q2K", "prefix_cache": 1, "max_seqs": 1}
    environ = {"MISTRALRS_ISQ": "Q3K", "MISTRALRS_PREFIX_CACHE_N": "2"}
    flags = {"MISTRALRS_ISQ": "none"}
    assert read_settings(environ, configured, flags) == Settings(isq=None, prefix_cache=2, max_seqs=1)


def test_a_load_depends_on_all_but_what_is_written() -> None:
    """Two runs that differ in how they write share a model; two that differ in anything else do not."""
    loads = {variable.field for variable in VARIABLES if variable.field not in ("no_stream", "verbose")}
    assert Settings(no_stream=True, verbose=True).of_load == Settings()
    for field in loads:
        assert Settings(**{field: "other"}).of_load != Settings(), field
