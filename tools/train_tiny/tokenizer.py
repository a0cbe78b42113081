"""The byte-level BPE tokenizer: trained on the stream, numbers to 100 kept whole."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from .conversation import END_OF_TEXT, MESSAGE_END, MESSAGE_START, Conversation, spans

VOCABULARY_SIZE = 1_280
CONTROL_TOKENS = (END_OF_TEXT, MESSAGE_START, MESSAGE_END)
_LARGEST_WHOLE_NUMBER = 100
_NUMBER_REPEATS = 20_000


def train(texts: Iterable[str]) -> Tokenizer:
    """Return a tokenizer whose merges were learned from the texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=list(CONTROL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    numbers = range(_LARGEST_WHOLE_NUMBER + 1)
    weighted = [f" {number}" * _NUMBER_REPEATS for number in numbers]
    weighted += [f"{number}\n" * _NUMBER_REPEATS for number in numbers]
    tokenizer.train_from_iterator([*texts, *weighted], trainer)
    return tokenizer


def load(path: Path) -> Tokenizer:
    """Return the tokenizer saved at the path."""
    return Tokenizer.from_file(str(path))


def encode(tokenizer: Tokenizer, conversation: Conversation, evened: bool) -> tuple[list[int], list[float]]:
    """Return token ids and the weight of each in the loss, 0 where nothing is learned.

    Each learned token weighs 1; when `evened`, 1 / sqrt(n) in a reply of n tokens, so that a
    number for an answer is not drowned by a recital.
    """
    ids: list[int] = []
    weights: list[float] = []
    pieces = spans(conversation)
    encodings = tokenizer.encode_batch_fast([text for text, _ in pieces])
    for encoding, (_, bears_loss) in zip(encodings, pieces, strict=True):
        count = len(encoding.ids)
        weight = count**-0.5 if evened and bears_loss else float(bears_loss)
        ids.extend(encoding.ids)
        weights.extend([weight] * count)
    return ids, weights
