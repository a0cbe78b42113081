"""The bundled model tried on this machine: that it runs, and how fast."""

from __future__ import annotations

from time import perf_counter

from spnl.api import run
from spnl.backends.pool import ModelPool
from spnl.executor.answer import Output, Style
from spnl.executor.results import Leaf
from spnl.frozen import Frozen
from spnl.settings import Device, Settings

MODEL = "mistralrs/tiny"
QUESTION = "Count from 1 to 50."
TOKENS = 100


class Trial(Frozen):
    """How long loading took, and then the first token, in seconds; and how fast the others came."""

    load_seconds: float
    first_seconds: float
    tokens: int
    tokens_a_second: float


class _FirstToken(Output):
    """Notes when the answer begins."""

    at = 0.0

    def begin(self, style: Style) -> None:
        self.at = perf_counter()

    def write(self, text: str) -> None:
        """Its words do not matter."""

    def end(self, leaf: Leaf) -> None:
        """Its end is the run's."""


def attempt(device: Device) -> Trial:
    """Load the bundled model and have it say something. Raises `SpnlError`s.

    Of the user's settings only the device counts: the others are meant for other models.
    """
    models = ModelPool().with_settings(Settings(device=device))
    started = perf_counter()
    models.get(MODEL, lambda note: None)
    loaded = perf_counter()
    first = _FirstToken()
    program = f'(g "{QUESTION}" (temperature 0) (max-tokens {TOKENS}))'
    (reply,) = run(program, model=MODEL, models=models, output=first).replies
    tokens = reply.usage.completion_tokens
    speed = tokens / max(perf_counter() - first.at, 1e-9)
    return Trial(loaded - started, first.at - loaded, tokens, speed)
