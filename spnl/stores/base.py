"""What a store keeps, and what it is asked: the seam that a run knows stores by."""

from __future__ import annotations

from spnl.backends.base import FinishReason, Usage
from spnl.frozen import Frozen


class Kept(Frozen):
    """A finished reply as it is kept: what was said and thought, why it ended, and what it took then."""

    text: str
    thought: str
    reason: FinishReason
    usage: Usage
