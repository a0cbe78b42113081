"""`spnl plan`: what a program would do, without loading a model."""

from __future__ import annotations

import click

from spnl.api import parse
from spnl.commands.loading import query_of
from spnl.commands.options import definitions_option, program_argument, program_text_option
from spnl.commands.showing import put_as_it_is
from spnl.commands.source import program_source

STAGES = ("syntax", "query", "optimized")


@click.command()
@program_argument
@program_text_option
@definitions_option
@click.option(
    "--stage", type=click.Choice(STAGES), default="optimized", help="After which stage to look at it."
)
@click.option("--format", "form", type=click.Choice(["text", "json", "mermaid"]), default="text")
def command(
    program: str | None, text: str | None, definitions: tuple[tuple[str, str], ...], stage: str, form: str
) -> None:
    """Show what a program would do: its query as a tree, and how much it asks for.

    No model is loaded. What depends on a generated text is marked as known at run time.

    \b
    spnl plan program.spnl
    spnl plan --stage syntax -c '(seq "a" "b")'
    """
    from spnl.optimizer import optimize
    from spnl.planner import draw, measure, mermaid, plan_query, plan_syntax, to_data

    source = program_source(program, text)
    sizes = None
    if stage == "syntax":
        tree = plan_syntax(parse(source))
    else:
        query = query_of(source, dict(definitions))
        query = optimize(query) if stage == "optimized" else query
        sizes = measure(query)
        tree = plan_query(query)
    if form == "json":
        import json

        data = {"plan": to_data(tree), **({"sizes": sizes.as_dict()} if sizes is not None else {})}
        shown = json.dumps(data, ensure_ascii=False, indent=2)
    elif form == "mermaid":
        shown = mermaid(tree)
    else:
        shown = draw(tree) + (f"\n\n{sizes}" if sizes is not None else "")
    put_as_it_is(shown + "\n")
