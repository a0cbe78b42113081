"""The options by which a command is asked what a run took."""

from __future__ import annotations

import click

from spnl.commands.options import OptionGroup
from spnl.commands.parameters import FileName
from spnl.frozen import Frozen


class TimingOptions(Frozen):
    """Where it is said what a run took, in time and tokens."""

    time: bool
    usage_json: str | None
    trace: str | None

    def __bool__(self) -> bool:
        return self.time or self.usage_json is not None or self.trace is not None


timing_options = OptionGroup(
    "timing",
    TimingOptions,
    click.option("--time", is_flag=True, help="Say at the end how long everything took, and its tokens."),
    click.option(
        "--usage-json", type=FileName(), metavar="FILE", help="Write times and tokens to a file, as JSON."
    ),
    click.option(
        "--trace", type=FileName(), metavar="FILE", help="Write what ran when, for Perfetto or Chrome."
    ),
)
