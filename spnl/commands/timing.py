"""What a run took, where a command was asked to say so."""

from __future__ import annotations

import json

from spnl.commands.timing_options import TimingOptions
from spnl.console import Console
from spnl.output_file import OutputFile
from spnl.timing import Meter, as_data, as_trace, lines


class TimingReport:
    """Measures one run and says what it took, also of a run that failed.

    Whether the files can be written is checked when this is made.
    """

    def __init__(self, options: TimingOptions, console: Console) -> None:
        self._shows = options.time
        self._console = console
        self._usage = OutputFile(options.usage_json) if options.usage_json is not None else None
        self._trace = OutputFile(options.trace) if options.trace is not None else None
        self.meter = Meter()

    def write(self, completed: bool) -> None:
        """Say it all, now that the run is over."""
        taken = self.meter.taken(completed)
        if self._shows:
            for line in lines(taken):
                self._console.say(line)
        for file, data in ((self._usage, as_data), (self._trace, as_trace)):
            if file is not None:
                file.write(json.dumps(data(taken), ensure_ascii=False, indent=2).encode("utf-8", "replace"))
                file.write(b"\n")
                file.commit()
