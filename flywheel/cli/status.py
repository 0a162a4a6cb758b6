"""`flywheel status`: where every prompt stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from flywheel.cli.doors import Document, Door, open_door, shown_address
from flywheel.cli.drawing import make_table, moment, one_line, percent, points, say_nothing_there, short
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from flywheel.learn.strategy_learning import StrategyRecord

app = typer.Typer(add_completion=False)

LAST_CYCLES = 5
MOST_STRATEGIES = 12


@app.command(epilog=examples("flywheel status", "flywheel status --store team.db --json"))
def status(store: StoreOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Live versions with their pass rate, the last cycles, what helped so far, reviews that wait."""
    from dataclasses import asdict

    from flywheel.learn.strategy_learning import strategy_records

    door = open_door(store, workspace, as_json)
    prompts = [_prompt_row(door, name) for name in door.store.prompts.names(door.workspace)]
    cycles = door.store.cycles.outputs(door.workspace, None, LAST_CYCLES)
    strategies = strategy_records(door.store.strategy_outcomes.recent(door.workspace))
    reviews = door.store.releases.reviews(door.workspace, "waiting")
    document: Document = {
        "workspace": door.workspace,
        "store": shown_address(door.settings.database_url),
        "prompts": prompts,
        "cycles": [c.model_dump(mode="json", exclude={"workflow_stages"}) for c in cycles],
        "strategies": [asdict(record) for record in strategies],
        "reviews_waiting": [r.model_dump(mode="json") for r in reviews],
    }

    def draw(console: Console) -> None:
        if not prompts:
            say_nothing_there(console, "Nothing is stored yet.", "Try: flywheel demo, or flywheel import")
            return
        _draw_prompts(console, prompts)
        if cycles:
            table = make_table("last cycles", ("prompt", "shipped", "points", "because"), right=("points",))
            for c in cycles:
                shipped = ", ".join(short(v) for v in c.shipped) or "nothing"
                table.add_row(one_line(c.prompt), shipped, points(c.performance_delta), one_line(c.because))
            console.print(table)
        if strategies:
            _draw_strategies(console, strategies[:MOST_STRATEGIES])
        if reviews:
            many = "1 review waits" if len(reviews) == 1 else f"{len(reviews)} reviews wait"
            console.print(f"{many} for a person: flywheel review list", style="cyan")

    door.answer(document, draw)


def _draw_strategies(console: Console, records: Sequence[StrategyRecord]) -> None:
    columns = ("refinement strategy", "against", "helped", "chance to help")
    table = make_table("what helped so far", columns, right=("helped",))
    for record in records:
        belief = record.belief
        chance = "unknown" if not record.tried else f"{belief.low:.0%} to {belief.high:.0%}"
        table.add_row(
            one_line(record.strategy.replace("+", " + ")),
            record.kind or "",
            f"{record.helped} of {record.tried}",
            chance,
        )
    console.print(table)


def _prompt_row(door: Door, name: str) -> dict[str, Any]:
    from flywheel.records.columns import Scope
    from flywheel.records.execution import Outcome

    live = door.store.releases.live(door.workspace, name)
    version = live.version if live else None
    scope = Scope(workspace=door.workspace, prompt=name, version=version, exclude_sources=("experiment",))
    counts = door.store.executions.counts(scope).by_outcome
    scored = sum(counts.get(o, 0) for o in (Outcome.PASSED, Outcome.FAILED, Outcome.ERROR))
    return {
        "prompt": name,
        "live": version,
        "since": live.released_at.isoformat() if live else None,
        "why": live.why if live else None,
        "executions": sum(counts.values()),
        "success_rate": counts.get(Outcome.PASSED, 0) / scored if scored else None,
    }


def _draw_prompts(console: Console, prompts: list[dict[str, Any]]) -> None:
    from datetime import datetime

    table = make_table(
        "live", ("prompt", "version", "since (UTC)", "runs", "passed"), right=("runs", "passed")
    )
    for row in prompts:
        table.add_row(
            row["prompt"],
            short(row["live"]),
            moment(datetime.fromisoformat(row["since"]) if row["since"] else None),
            f"{row['executions']:,}",
            percent(row["success_rate"]),
        )
    console.print(table)
