"""`flywheel patterns`: what fails, why, how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, open_door
from flywheel.cli.drawing import bar, percent, say_nothing_there, styled
from flywheel.cli.names import known_prompt
from flywheel.cli.options import JsonOption, PromptOption, StoreOption, WorkspaceOption, examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from flywheel.records.analysis import FailurePattern

app = typer.Typer(add_completion=False)

READ_LIMIT = 20_000
"""Failures whose texts are read; more than that would not change which patterns lead."""


@app.command(epilog=examples("flywheel patterns", "flywheel patterns --prompt triage --slice billing"))
def patterns(
    *,
    prompt: PromptOption = None,
    slice_name: Annotated[
        str | None, typer.Option("--slice", metavar="S", help="Only failures of this slice.")
    ] = None,
    version: Annotated[
        str | None, typer.Option("--version", metavar="V", help="Only this version: hash or label.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Patterns to show.")] = 10,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Failure patterns of the stored executions, the most damaging first."""
    from flywheel.learn.patterns import failure_patterns
    from flywheel.records.columns import Scope
    from flywheel.records.execution import Outcome

    door = open_door(store, workspace, as_json)
    if prompt is not None:
        known_prompt(door.store, door.workspace, prompt)
    scope = Scope(
        workspace=door.workspace,
        prompt=prompt,
        version=version,
        slice=slice_name,
        exclude_sources=("experiment",),
    )
    counts = door.store.executions.counts(scope).by_outcome
    total = counts.get(Outcome.FAILED, 0) + counts.get(Outcome.ERROR, 0)
    found = failure_patterns(door.store.executions.failures(scope, READ_LIMIT), total)
    document: Document = {
        "workspace": door.workspace,
        "prompt": prompt,
        "failures": total,
        "read": min(total, READ_LIMIT),
        "patterns": [p.model_dump(mode="json") for p in found[:limit]],
        "more": max(0, len(found) - limit),
    }

    def draw(console: Console) -> None:
        if not found:
            say_nothing_there(console, "No failures here.", "See what is stored: flywheel report")
            return
        console.print(styled("[bold]{} failures[/] make {} patterns.\n", f"{total:,}", f"{len(found):,}"))
        draw_patterns(console, found[:limit])
        if len(found) > limit:
            console.print(f"{len(found) - limit:,} more: --limit {len(found)}", style="dim")

    door.answer(document, draw)


def draw_patterns(console: Console, found: Sequence[FailurePattern]) -> None:
    """Each pattern with its share, cause, cure, executions to look at."""
    from rich.table import Table

    for number, pattern in enumerate(found, start=1):
        share = f"{pattern.count:,} failures, {percent(pattern.share, 0)} of all"
        console.print(styled("[bold]{}. {}[/]", number, pattern.title))
        console.print(styled("   [red]{}[/] {}", bar(pattern.share, width=20), share))
        facts = Table.grid(padding=(0, 1))
        facts.add_row("  ", styled("[dim]cause[/]"), styled("{}", pattern.cause))
        facts.add_row("  ", styled("[dim]cure[/]"), styled("{}", pattern.recommendation))
        facts.add_row("  ", styled("[dim]see[/]"), styled("{}", ", ".join(pattern.examples[:2])))
        console.print(facts)
        console.print()
