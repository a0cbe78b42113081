"""`spnl doctor`: what is right and what is wrong with this installation."""

from __future__ import annotations

import os

import click

from spnl.commands.options import FetchOptions, fetch_options
from spnl.commands.showing import put
from spnl.console import Console
from spnl.doctor import Finding, examine
from spnl.errors import GenerationError


@click.command()
@click.option("--try", "attempt", is_flag=True, help="Load the bundled model, and say how fast it is.")
@click.option("--json", "as_json", is_flag=True, help="Write a JSON object.")
@fetch_options
def command(attempt: bool, as_json: bool, fetching: FetchOptions) -> int:
    """Look at what running models depends on, and say what to do where something is wrong.

    These are the engine and what it was built for, the device, the configuration, caches, the token for the
    hub (never shown) and whether the hub answers, disk and memory. The exit code is 1 where something is
    broken; notes are no faults.

    \b
    spnl doctor
    spnl doctor --try --offline
    """
    console = Console("auto")
    console.keep_stdout_to_ourselves()  # the engine is imported
    findings = []
    for finding in examine(os.environ, offline=fetching.offline, attempt=attempt):
        findings.append(finding)
        if not as_json:
            put(_lines(finding), console.stdout)
    broken = any(finding.state == "broken" for finding in findings)
    if as_json:
        import json

        data = {"broken": broken, "findings": [finding.as_dict() for finding in findings]}
        put(json.dumps(data, ensure_ascii=False, indent=2), console.stdout)
    return GenerationError.exit_code if broken else 0


def _lines(finding: Finding) -> str:
    """A finding for people: its state, its name, what was found, and below it what to do."""
    line = f"{finding.state:<7} {finding.name:<14} {finding.said}"
    return f"{line}\n{'':<22} {finding.advice}" if finding.advice else line
