"""`spnl check`: what is wrong with programs, without running them."""

from __future__ import annotations

from typing import Any

import click

from spnl.checker import Findings, check
from spnl.commands.options import definitions_option
from spnl.commands.parameters import FileName
from spnl.commands.showing import put_as_it_is, put_drawn
from spnl.commands.source import program_source
from spnl.console import Console
from spnl.errors import ProgramError, SpnlError


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=FileName())
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif"]),
    default="text",
    help="How findings are written.",
)
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour the output."
)
@definitions_option
def command(files: tuple[str, ...], form: str, color: Any, definitions: tuple[tuple[str, str], ...]) -> int:
    """Say everything that can be known to be wrong with programs, without running them.

    Every mistake of every file is reported, on stdout; the exit code is 3 if there is any. Nothing is asked:
    no model is loaded, and neither stdin nor a person is read.

    \b
    spnl check *.spnl
    spnl check --format sarif program.spnl
    """
    findings = [_checked(file, dict(definitions)) for file in files]
    errors = [error for found in findings for error in found.errors]
    warnings = [warning for found in findings for warning in found.warnings]
    if form == "text":
        console = Console(color)
        put_drawn(_as_text(errors, warnings, len(files), console.stdout_color))
    else:
        import json

        data = _as_json(errors, warnings) if form == "json" else _as_sarif(errors, warnings)
        put_as_it_is(json.dumps(data, ensure_ascii=False, indent=2) + "\n")
    return ProgramError.exit_code if errors else 0


def _checked(file: str, arguments: dict[str, str]) -> Findings:
    """What is wrong with one file; that it cannot be read, if nothing else."""
    from spnl.codec import format_of, read_json, read_yaml

    try:
        source = program_source(file)
        kind = "spnl" if file == "-" else format_of(file)
        if kind == "spnl":
            return check(source, arguments)
        (read_json if kind == "json" else read_yaml)(source)
        return Findings()
    except SpnlError as error:
        findings = Findings()
        findings.error(error)
        return findings


def _as_text(errors: list[SpnlError], warnings: list[SpnlError], files: int, color: bool) -> str:
    from spnl.diagnostics import render

    drawn = [render(error, color=color) for error in errors]
    drawn += [render(warning, color=color, severity="warning") for warning in warnings]
    counts = f"{_count(len(errors), 'error')}, {_count(len(warnings), 'warning')} in {_count(files, 'file')}"
    return "\n\n".join([*drawn, counts]) + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _as_json(errors: list[SpnlError], warnings: list[SpnlError]) -> list[dict[str, Any]]:
    from spnl.diagnostics import render_json

    return [
        {"severity": severity, **render_json(finding)}
        for severity, findings in (("error", errors), ("warning", warnings))
        for finding in findings
    ]


def _as_sarif(errors: list[SpnlError], warnings: list[SpnlError]) -> dict[str, Any]:
    """The findings in SARIF 2.1.0, as code hosts annotate changes with."""
    from spnl.version import __version__

    results = [_sarif_result(found) for found in _as_json(errors, warnings)]
    driver = {"name": "spnl", "version": __version__}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results, "columnKind": "unicodeCodePoints"}],
    }


def _sarif_result(found: dict[str, Any]) -> dict[str, Any]:
    text = ". ".join([found["message"], *found["notes"], *found["helps"]])
    result: dict[str, Any] = {
        "ruleId": found["id"],
        "level": found["severity"],
        "message": {"text": text},
    }
    if found["file"] is not None:
        region = {
            "startLine": found["line"],
            "startColumn": found["column"],
            "endLine": found["end_line"],
            "endColumn": found["end_column"],
        }
        location = {"artifactLocation": {"uri": found["file"]}, "region": region}
        result["locations"] = [{"physicalLocation": location}]
    return result
