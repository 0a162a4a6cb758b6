"""`flywheel flaky`: unstable tests, with a list to put away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, open_door
from flywheel.cli.drawing import UNKNOWN, make_table, percent, say_nothing_there, styled
from flywheel.cli.names import known_prompt
from flywheel.cli.options import JsonOption, PromptOption, StoreOption, WorkspaceOption, examples
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from flywheel.records.findings import FailureForecast, FlakyTest

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples("flywheel flaky", "flywheel flaky --export quarantine.txt", "flywheel flaky --next 20")
)
def flaky(
    *,
    prompt: PromptOption = None,
    suite: Annotated[str | None, typer.Option("--suite", metavar="S", help="Only this suite.")] = None,
    sure: Annotated[
        float,
        typer.Option("--sure", min=0.5, max=0.999, metavar="P", help="Chance from which a test is flaky."),
    ] = 0.9,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Tests to show.")] = 20,
    following: Annotated[
        int, typer.Option("--next", min=0, metavar="N", help="Show the N tests likeliest to fail next too.")
    ] = 0,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="FILE", help="Write the flaky ones: .json, else one id a line."),
    ] = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tests that pass as well as fail although nothing changed; broken ones are told apart."""
    from flywheel.learn.flaky import flaky_tests, quarantine
    from flywheel.learn.prediction import forecast_failures
    from flywheel.records.columns import NOT_EVIDENCE, Scope

    door = open_door(store, workspace, as_json)
    if prompt is not None:
        known_prompt(door.store, door.workspace, prompt)
    scope = Scope(workspace=door.workspace, prompt=prompt, suite=suite, exclude_sources=NOT_EVIDENCE)
    columns = door.store.executions.columns(scope)
    found = flaky_tests(columns, sure)
    forecasts = forecast_failures(columns)[:following] if following else ()
    put_away = quarantine(found)
    if export is not None:
        _write(export, put_away)
    document: Document = {
        "workspace": door.workspace,
        "prompt": prompt,
        "sure": sure,
        "counts": {name: sum(t.status == name for t in found) for name in _STATUSES},
        "tests": [t.model_dump(mode="json") for t in found[:limit]],
        "more": max(0, len(found) - limit),
        "next": [f.model_dump(mode="json") for f in forecasts],
        "quarantine": list(put_away),
        "exported": None if export is None else str(export),
    }

    def draw(console: Console) -> None:
        if not found:
            say_nothing_there(
                console, "No test with a case id ever failed here.", f"See: flywheel report{door.again}"
            )
            return
        draw_tests(console, found, limit)
        if forecasts:
            draw_forecasts(console, forecasts)
        if export is not None:
            console.print(f"{len(put_away):,} flaky tests written to {export}")

    door.answer(document, draw)


_STATUSES = ("flaky", "broken", "healthy", "unknown")
_CURES = {
    "flaky": "put it in quarantine with --export; its failures say little until it is repaired",
    "broken": "repair it, or what it tests; it is never put away",
    "healthy": "nothing to do: it failed, and passes since",
    "unknown": "run it so many times more on one version",
}
_COLOURS = {"flaky": "yellow", "broken": "red", "healthy": "green", "unknown": "dim"}


def draw_tests(console: Console, found: Sequence[FlakyTest], limit: int) -> None:
    """One line per test that ever failed, the surest flaky one first."""
    counts = ", ".join(f"{sum(t.status == s for t in found):,} {s}" for s in _STATUSES)
    console.print(f"{count_of(len(found), 'test')} failed at least once: {counts}\n")
    numbers = ("chance", "runs", "failed", "fails at", "reruns")
    dated = ("last failed",) if any(t.last_failed for t in found[:limit]) else ()
    table = make_table(None, ("test", "status", *numbers, *dated), right=numbers)
    for test in found[:limit]:
        table.add_row(
            styled("{}", test.case_id),
            styled(f"[{_COLOURS[test.status]}]{{}}[/]", test.status),
            percent(test.probability, 0),
            f"{test.runs:,}",
            f"{test.failures:,}",
            f"{percent(test.low, 0)} to {percent(test.high, 0)}",
            UNKNOWN if test.reruns is None else f"{test.reruns:,}",
            *([UNKNOWN if test.last_failed is None else f"{test.last_failed:%Y-%m-%d}"] if dated else []),
        )
    console.print(table)
    if len(found) > limit:
        console.print(f"{len(found) - limit:,} more: --limit {len(found)}", style="dim")
    console.print("reruns: when all of them fail on one version, the test is broken (95 %).", style="dim")
    for status in sorted({t.status for t in found[:limit]}, key=_STATUSES.index):
        console.print(styled(f"[{_COLOURS[status]}]{{}}[/]: {{}}", status, _CURES[status]))


def draw_forecasts(console: Console, forecasts: Sequence[FailureForecast]) -> None:
    """Tests likeliest to fail in their next run."""
    table = make_table("Likeliest to fail next", ("test", "chance", "runs"), right=("chance", "runs"))
    for forecast in forecasts:
        table.add_row(styled("{}", forecast.case_id), percent(forecast.probability, 0), f"{forecast.runs:,}")
    console.print(table)


def _write(path: Path, cases: Sequence[str]) -> None:
    if path.suffix == ".json":
        path.write_text(json.dumps({"quarantine": list(cases)}, indent=2) + "\n", encoding="utf-8")
    else:
        path.write_text("".join(f"{case}\n" for case in cases), encoding="utf-8")
