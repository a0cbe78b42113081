"""`python -m tools.train_tiny`: train, write the file, measure it through the engine."""

from __future__ import annotations

import sys

from . import evaluate, train

sys.exit(evaluate.evaluate(train.main(), think=True))
