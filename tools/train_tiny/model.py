"""A Llama-shaped decoder: pre-norm, rotary positions, SwiGLU, tied embedding.

The rotary embedding turns channels half a head apart, which is the faster order to compute; a
GGUF file wants adjacent pairs, so `export` reorders the rows of the query and key weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

_LONGEST_PLAIN = 256


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of the model; every row length is a multiple of 32."""

    vocabulary: int = 1_280
    width: int = 192
    layers: int = 5
    heads: int = 4
    feed_forward: int = 320
    context: int = 2_048
    rope_base: float = 10_000.0
    norm_epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        """Channels of one attention head."""
        return self.width // self.heads


def _rotations(shape: Shape) -> Tensor:
    """Return cosines and sines, (2, context, head_width / 2)."""
    exponents = torch.arange(0, shape.head_width, 2) / shape.head_width
    angles = torch.outer(torch.arange(shape.context), shape.rope_base**-exponents)
    return torch.stack((angles.cos(), angles.sin()))


def _rotate(states: Tensor, rotations: Tensor) -> Tensor:
    """Turn channel i with channel i + head_width / 2 of (…, time, head_width) by their position."""
    cosines, sines = rotations
    first, second = states.chunk(2, dim=-1)
    return torch.cat((first * cosines - second * sines, first * sines + second * cosines), dim=-1)


def _attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return causal attention of (batch, heads, time, head_width) tensors.

    On a CPU the plain computation is the faster one for short rows, the fused one for long rows.
    """
    time = query.shape[-2]
    if time > _LONGEST_PLAIN:
        fused: Tensor = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return fused
    future = torch.full((time, time), -torch.inf, dtype=query.dtype).triu(1)
    scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5 + future
    attended: Tensor = scores.softmax(dim=-1).to(value.dtype) @ value
    return attended


class Attention(nn.Module):
    """Causal self-attention."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.query_key_value = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.output = nn.Linear(shape.width, shape.width, bias=False)

    def forward(self, states: Tensor, rotations: Tensor) -> Tensor:
        """Map (batch, time, width) to the same shape."""
        batch, time, width = states.shape
        joined = self.query_key_value(states).view(batch, time, 3, self.heads, -1)
        joined = joined.permute(2, 0, 3, 1, 4)
        query, key = _rotate(joined[:2], rotations.to(joined.dtype))
        attended = _attend(query, key, joined[2])
        output: Tensor = self.output(attended.transpose(1, 2).reshape(batch, time, width))
        return output


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_up = nn.Linear(shape.width, 2 * shape.feed_forward, bias=False)
        self.down = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(self, states: Tensor) -> Tensor:
        """Map (batch, time, width) to the same shape."""
        gate, up = self.gate_up(states).chunk(2, dim=-1)
        output: Tensor = self.down(functional.silu(gate) * up)
        return output


class Block(nn.Module):
    """Attention and feed-forward, each after a norm and beside a residual path."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        self.attention = Attention(shape)
        self.feed_forward_norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        self.feed_forward = FeedForward(shape)

    def forward(self, states: Tensor, rotations: Tensor) -> Tensor:
        """Map (batch, time, width) to the same shape."""
        states = states + self.attention(self.attention_norm(states), rotations)
        mixed: Tensor = states + self.feed_forward(self.feed_forward_norm(states))
        return mixed


class Decoder(nn.Module):
    """The whole model."""

    rotations: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        self.register_buffer("rotations", _rotations(shape), persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        """Draw small weights; smaller still where a block writes to the residual path."""
        for name, parameter in self.named_parameters():
            if parameter.dim() < 2:
                continue
            writes = name.endswith(("output.weight", "down.weight"))
            deviation = 0.02 / (2 * self.shape.layers) ** 0.5 if writes else 0.02
            nn.init.normal_(parameter, std=deviation)

    def forward(self, ids: Tensor) -> Tensor:
        """Map token ids (batch, time) to hidden states (batch, time, width)."""
        states = self.embedding(ids)
        rotations = self.rotations[:, : ids.shape[1]]
        for block in self.blocks:
            states = block(states, rotations)
        normed: Tensor = self.norm(states)
        return normed

    def logits(self, states: Tensor) -> Tensor:
        """Map hidden states (…, width) to logits (…, vocabulary) with the tied embedding."""
        return functional.linear(states, self.embedding.weight)

    def parameter_count(self) -> int:
        """Return the number of learned values."""
        return sum(parameter.numel() for parameter in self.parameters())
