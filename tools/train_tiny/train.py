"""Trains `tiny` from its fixed seeds and writes the GGUF file; resumes from its checkpoint."""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from . import overlap, tokenizer
from .batches import Batch, shard
from .conversation import spans
from .data import STAGES, stream
from .export import write_gguf
from .model import Decoder, Shape

BUNDLED = Path(__file__).parents[2] / "spnl" / "data" / "tiny.gguf"
_TOKENIZER_SAMPLES = 60_000
_TOKENIZER_SEED = 1_000_003


@dataclass(frozen=True, slots=True)
class Cycle:
    """Steps up to `end` in which the rate falls along a cosine from a share of its peak.

    The cosine reaches its foot at `foot`, which lies beyond the end of a cycle cut short.
    """

    end: int
    share: float
    foot: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Length and rates of the training; each cycle begins with a warm-up."""

    cycles: tuple[Cycle, ...] = (
        Cycle(5_000, 1.0, 5_000),
        Cycle(7_250, 0.6, 8_000),
        Cycle(9_500, 0.5, 9_500),
    )
    warm_up: int = 100
    matrix_rate: float = 4e-3
    other_rate: float = 4e-3
    weight_decay: float = 0.05
    last_share: float = 0.02
    seed: int = 7

    def share(self, step: int) -> float:
        """Return the share of the peak rate that holds at a step."""
        index = next(i for i, cycle in enumerate(self.cycles) if step < cycle.end)
        cycle = self.cycles[index]
        start = self.cycles[index - 1].end if index else 0
        if step - start < self.warm_up:
            return cycle.share * (step - start + 1) / self.warm_up
        done = (step - start - self.warm_up) / (cycle.foot - start - self.warm_up)
        fallen = (1 + math.cos(math.pi * done)) / 2
        return cycle.share * (self.last_share + (1 - self.last_share) * fallen)

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.cycles[-1].end


def _optimizers(model: Decoder, plan: Plan) -> list[torch.optim.Optimizer]:
    """Return Muon for the blocks' matrices and AdamW for the embedding and the norms."""
    matrices = [p for p in model.blocks.parameters() if p.dim() == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [
        torch.optim.Muon(
            matrices,
            lr=plan.matrix_rate,
            weight_decay=plan.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(others, lr=plan.other_rate, betas=(0.9, 0.98), weight_decay=0.0),
    ]


def _loss(model: Decoder, batch: Batch) -> Tensor:
    """Return the weighted mean cross-entropy over the learned tokens of a batch, in nats."""
    kept = batch.weights > 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model.logits(model(batch.ids)[kept])
    losses = functional.cross_entropy(logits.float(), batch.targets[kept], reduction="none")
    weights = batch.weights[kept]
    return (losses * weights).sum() / weights.sum()


def _step(
    model: Decoder, optimizers: list[torch.optim.Optimizer], batch: Batch, plan: Plan, step: int
) -> float:
    """Do one optimiser step; return the loss."""
    share = plan.share(step)
    for optimizer, rate in zip(optimizers, (plan.matrix_rate, plan.other_rate), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate * share
    loss = _loss(model, batch)
    torch.autograd.backward(loss)
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad()
    return loss.item()


def _tokenizer(folder: Path, held: set[overlap.Gram]) -> Tokenizer:
    """Return the folder's tokenizer, trained now if it is not there."""
    path = folder / "tokenizer.json"
    if not path.exists():
        fresh = islice(stream(_TOKENIZER_SEED, overlap.Reserved(held), STAGES[0]), _TOKENIZER_SAMPLES)
        trained = tokenizer.train(text for item in fresh for text, _ in spans(item))
        trained.save(str(path))
    return tokenizer.load(path)


class Run:
    """A training run with its checkpoint in a folder."""

    def __init__(self, folder: Path, plan: Plan, shape: Shape) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(plan.seed)
        self.plan = plan
        self.checkpoint = folder / "checkpoint.pt"
        self.held = overlap.held_out_grams()
        self.tokenizer = _tokenizer(folder, self.held)
        self.model = Decoder(shape)
        self.model.compile(dynamic=True)
        self.optimizers = _optimizers(self.model, plan)
        self.step = 0
        self.shard = 0
        self.checked = 0
        if self.checkpoint.exists():
            self._restore()

    def _restore(self) -> None:
        """Take up the weights, the optimisers and the next shard of the stream."""
        state = torch.load(self.checkpoint)
        self.model.load_state_dict(state["model"])
        for optimizer, kept in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(kept)
        self.step, self.shard = state["step"], state["shard"] + 1
        self.checked = state["checked"]

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        unfinished = self.checkpoint.with_suffix(".unfinished")
        state = {
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "step": self.step,
            "shard": self.shard,
            "checked": self.checked,
            "plan": asdict(self.plan),
        }
        torch.save(state, unfinished)
        os.replace(unfinished, self.checkpoint)

    def losses(self) -> Iterator[float]:
        """Train to the plan's end, yielding each step's loss."""
        while True:
            fresh = shard(self.shard, self.tokenizer, self.held)
            self.checked += fresh.checked
            for batch in fresh.batches:
                if self.step >= self.plan.steps:
                    return
                loss = _step(self.model, self.optimizers, batch, self.plan, self.step)
                self.step += 1
                yield loss
            self.shard += 1


def main() -> Path:
    """Train, export, and say how it goes; return the file written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("train-out"), help="checkpoint folder")
    parser.add_argument("--output", type=Path, default=BUNDLED, help="GGUF file to write")
    parser.add_argument("--save-every", type=int, default=500)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    run = Run(arguments.work, Plan(), Shape())
    print(f"{run.model.parameter_count():,} parameters", flush=True)
    begun, mean = time.monotonic(), 0.0
    for loss in run.losses():
        mean = loss if mean == 0.0 else 0.98 * mean + 0.02 * loss
        if run.step % 50 == 0:
            elapsed = time.monotonic() - begun
            print(f"step {run.step} loss {mean:.4f} {elapsed:.0f} s", flush=True)
        if run.step % arguments.save_every == 0:
            run.save()
            write_gguf(arguments.work / "latest.gguf", run.model, run.tokenizer)
    print(f"{run.checked:,} four-word runs shown; none is one of {len(run.held):,} held-out runs")
    write_gguf(arguments.output, run.model, run.tokenizer)
    output: Path = arguments.output
    return output
