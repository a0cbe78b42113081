"""Batches of similar length, made shard by shard from the stream."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from itertools import islice

import torch
from tokenizers import Tokenizer
from torch import Tensor

from . import overlap
from .data import stage_of, stream
from .tokenizer import encode

SHARD_SIZE = 8_192
TOKENS_PER_BATCH = 4_096
LONGEST = 768
_MARKUP = re.compile(r"<\|im_start\|>\w+\n|<\|im_end\|>")

Row = tuple[list[int], list[float]]
"""Token ids of a conversation and the weight of each in the loss."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Token `ids`, the `targets` that follow them and their `weights`, each (rows, time)."""

    ids: Tensor
    targets: Tensor
    weights: Tensor


@dataclass(frozen=True, slots=True)
class Shard:
    """Batches, and how many four-word runs of their text were checked."""

    batches: list[Batch]
    checked: int


def _padded(rows: list[Row]) -> Batch:
    """Return rows of token ids padded on the right to the longest of them."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    weights = torch.zeros(len(rows), longest)
    for place, (row_ids, row_weights) in enumerate(rows):
        ids[place, : len(row_ids)] = torch.tensor(row_ids)
        weights[place, : len(row_weights)] = torch.tensor(row_weights)
    return Batch(ids[:, :-1].contiguous(), ids[:, 1:].contiguous(), weights[:, 1:].contiguous())


def shard(seed: int, tokenizer: Tokenizer, held: set[overlap.Gram]) -> Shard:
    """Return the batches of one shard in shuffled order; rows over `LONGEST` tokens are left out.

    The texts are decoded again from the token ids, so that what is checked against the
    held-out words is what the model is shown.
    """
    stage = stage_of(seed)
    fresh = islice(stream(seed, overlap.Reserved(held), stage), SHARD_SIZE)
    rows = [encode(tokenizer, item, stage.evened) for item in fresh]
    rows = [row for row in rows if len(row[0]) <= LONGEST]
    shown = tokenizer.decode_batch([ids for ids, _ in rows], skip_special_tokens=False)
    checked = overlap.require_disjoint((_MARKUP.sub(" ", text) for text in shown), held)
    rows.sort(key=lambda row: len(row[0]))
    made: list[Batch] = []
    group: list[Row] = []
    for row in rows:
        if group and (len(group) + 1) * len(row[0]) > TOKENS_PER_BATCH:
            made.append(_padded(group))
            group = []
        group.append(row)
    made.append(_padded(group))
    random.Random(seed).shuffle(made)
    return Shard(made, checked)
