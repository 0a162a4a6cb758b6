"""`flywheel patterns`: what fails, why, how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import bar, chance, interval, make_table, percent, say_nothing_there, short, styled
from flywheel.cli.names import known_prompt
from flywheel.cli.options import JsonOption, PromptOption, StoreOption, WorkspaceOption, examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from flywheel.records.analysis import FailurePattern
    from flywheel.records.columns import Scope
    from flywheel.records.findings import SliceFinding

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
    from flywheel.learn.insights import insights
    from flywheel.records.columns import Scope

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
    total, found, worse = _look(door, scope)
    document: Document = {
        "workspace": door.workspace,
        "prompt": prompt,
        "failures": total,
        "read": min(total, READ_LIMIT),
        "patterns": [p.model_dump(mode="json") for p in found[:limit]],
        "more": max(0, len(found) - limit),
        "insights": [i.model_dump(mode="json") for i in insights(found, worse)[:limit]],
        "worse_slices": [s.model_dump(mode="json") for s in worse[:limit]],
    }

    def draw(console: Console) -> None:
        if not found:
            say_nothing_there(console, "No failures here.", "See what is stored: flywheel report")
            return
        console.print(styled("[bold]{} failures[/] make {} patterns.\n", f"{total:,}", f"{len(found):,}"))
        draw_patterns(console, found[:limit])
        if len(found) > limit:
            console.print(f"{len(found) - limit:,} more: --limit {len(found)}", style="dim")
        if worse:
            draw_worse(console, worse[:limit])

    door.answer(document, draw)


def _look(door: Door, scope: Scope) -> tuple[int, list[FailurePattern], tuple[SliceFinding, ...]]:
    """Failures in all, their patterns with states, places with worse results."""
    from flywheel.learn.attributes import attributes_of, attributes_of_columns
    from flywheel.learn.pattern_states import with_states
    from flywheel.learn.patterns import PatternEvidence, mine_patterns
    from flywheel.learn.slices import search_slices
    from flywheel.records.execution import Outcome

    executions = door.store.executions
    counts = executions.counts(scope).by_outcome
    total = counts.get(Outcome.FAILED, 0) + counts.get(Outcome.ERROR, 0)
    good = counts.get(Outcome.PASSED, 0)
    evidence = PatternEvidence(
        failures=executions.failures(scope, READ_LIMIT),
        passes=executions.passes(scope, READ_LIMIT),
        total_failures=total,
        total_passes=good,
        known=door.store.cycles.patterns(scope.workspace, scope.prompt),
    )
    found = [p for p in with_states(mine_patterns(evidence), evidence.known, total + good) if p.count]
    read = (*evidence.failures, *evidence.passes)
    whole = len(read) >= total + good
    table = attributes_of(read) if whole else attributes_of_columns(executions.columns(scope))
    return total, found, search_slices(table)


def draw_patterns(console: Console, found: Sequence[FailurePattern]) -> None:
    """Each pattern with its share, cause, cure, executions to look at."""
    from rich.table import Table

    for number, pattern in enumerate(found, start=1):
        state = pattern.state.replace("_", " ")
        share = f"{pattern.count:,} failures, {percent(pattern.share, 0)} of all, {state}"
        console.print(styled("[bold]{}. {}[/]", number, pattern.title))
        console.print(styled("   [red]{}[/] {}", bar(pattern.share, width=20), share))
        facts = Table.grid(padding=(0, 1))
        home = home_of(pattern)
        if home:
            facts.add_row("  ", styled("[dim]home[/]"), styled("{}", home))
        facts.add_row("  ", styled("[dim]cause[/]"), styled("{}", pattern.cause))
        facts.add_row("  ", styled("[dim]cure[/]"), styled("{}", pattern.recommendation))
        facts.add_row("  ", styled("[dim]see[/]"), styled("{}", ", ".join(pattern.examples[:2])))
        console.print(facts)
        console.print()


def draw_worse(console: Console, worse: Sequence[SliceFinding]) -> None:
    """Places where more fails than in the rest, largest damage first."""
    numbers = ("fail", "elsewhere", "points more", "damage", "p")
    table = make_table("Where more fails than in the rest", ("where", *numbers), right=numbers)
    for found in worse:
        where = " x ".join(f"{c.attribute} {short(c.value)}" for c in found.where)
        table.add_row(
            styled("{}", where),
            percent(found.rate, 0),
            percent(found.rest_rate, 0),
            interval(found.low, found.high),
            f"{found.excess:,.0f}",
            chance(found.adjusted_p),
        )
    console.print(table)
    console.print(
        "damage: failures above elsewhere's rate; p is corrected for all places looked at.", style="dim"
    )


def home_of(pattern: FailurePattern) -> str:
    """Where a pattern lives, in words; empty when it is everywhere or nobody knows."""
    found = pattern.contrast
    if found is None or not found.where:
        return ""
    where = ", ".join(f"{condition.attribute} = {condition.value}" for condition in found.where)
    said = f"{where}: {percent(found.rate, 0)} of {found.executions:,} fail this way"
    return said if found.lift is None else f"{said}, {found.lift:.1f} times as many as elsewhere"
