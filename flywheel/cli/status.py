"""`flywheel status`: where every prompt stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import typer

from flywheel.cli.alerts import draw_alerts, worst_first
from flywheel.cli.doors import Document, Door, open_door, shown_address
from flywheel.cli.drawing import make_table, moment, one_line, percent, points, say_nothing_there, short
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from flywheel.learn.strategy_learning import StrategyRecord
    from flywheel.records.alert import Alert
    from flywheel.records.cycle import FeedbackLoopOutput
    from flywheel.records.execution import Outcome
    from flywheel.records.loop_health import LoopHealth
    from flywheel.records.release import LiveVersion, Review
    from flywheel.records.value import ValueReport

app = typer.Typer(add_completion=False)

LAST_CYCLES = 5
JUDGED_CYCLES = 1_000
"""Cycles that the health of the loop is told from."""

MOST_STRATEGIES = 12
MOST_ALERTS = 5


@app.command(epilog=examples("flywheel status", "flywheel status --store team.db --json"))
def status(store: StoreOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Live versions with their pass rate, the last cycles, open alerts, the loop's health, what helped."""
    door = open_door(store, workspace, as_json)
    standing = _standing(door)
    door.answer(_document(door, standing), lambda console: _draw(console, standing, door.again))


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where everything stands."""

    prompts: list[dict[str, Any]]
    cycles: list[FeedbackLoopOutput]
    loop: LoopHealth
    strategies: list[StrategyRecord]
    reviews: list[Review]
    alerts: list[Alert]
    value: ValueReport


def _standing(door: Door) -> _Standing:
    from flywheel.cli.value import value_in_short
    from flywheel.learn.loop_health import loop_health
    from flywheel.learn.strategy_learning import strategy_records
    from flywheel.records.prompt import application_prompts

    names = application_prompts(door.store.prompts.names(door.workspace))
    outputs = door.store.cycles.outputs(door.workspace, None, JUDGED_CYCLES)
    return _Standing(
        prompts=_prompt_rows(door, names),
        cycles=outputs[:LAST_CYCLES],
        loop=loop_health(door.store.releases.history(door.workspace, None), outputs),
        strategies=list(strategy_records(door.store.strategy_outcomes.recent(door.workspace))),
        reviews=door.store.releases.reviews(door.workspace, "waiting"),
        alerts=worst_first(door.store.alerts.open(door.workspace)),
        value=value_in_short(door),
    )


def _document(door: Door, found: _Standing) -> Document:
    return {
        "workspace": door.workspace,
        "store": shown_address(door.settings.database_url),
        "prompts": found.prompts,
        "cycles": [c.model_dump(mode="json", exclude={"workflow_stages"}) for c in found.cycles],
        "loop": found.loop.model_dump(mode="json"),
        "strategies": [asdict(record) for record in found.strategies],
        "reviews_waiting": [r.model_dump(mode="json") for r in found.reviews],
        "alerts_open": [a.model_dump(mode="json") for a in found.alerts],
        "value": {one.name: one.value for one in found.value.metrics},
    }


def _draw(console: Console, found: _Standing, again: str) -> None:
    from flywheel.cli.loop_page import draw_loop
    from flywheel.cli.value_page import value_in_words

    if not found.prompts:
        say_nothing_there(
            console, "Nothing is stored here yet.", f"Try: flywheel demo, or flywheel import{again}"
        )
        return
    if found.alerts:
        draw_alerts(console, "open alerts", found.alerts[:MOST_ALERTS])
    if len(found.alerts) > MOST_ALERTS:
        console.print(f"{len(found.alerts) - MOST_ALERTS} more: flywheel alerts list", style="cyan")
    _draw_prompts(console, found.prompts)
    if found.cycles:
        _draw_cycles(console, found.cycles)
    if found.loop.applied:
        draw_loop(console, found.loop)
    if found.strategies:
        _draw_strategies(console, found.strategies[:MOST_STRATEGIES])
    console.print(one_line(value_in_words(found.value)))
    if found.reviews:
        many = "1 review waits" if len(found.reviews) == 1 else f"{len(found.reviews)} reviews wait"
        console.print(f"{many} for a person: flywheel review list", style="cyan")


def _draw_cycles(console: Console, cycles: Sequence[FeedbackLoopOutput]) -> None:
    table = make_table("last cycles", ("prompt", "shipped", "points", "because"), right=("points",))
    for c in cycles:
        shipped = ", ".join(short(v) for v in c.shipped) or "nothing"
        table.add_row(one_line(c.prompt), shipped, points(c.performance_delta), one_line(c.because))
    console.print(table)


def _draw_strategies(console: Console, records: Sequence[StrategyRecord]) -> None:
    columns = ("refinement strategy", "against", "helped", "chance to help")
    table = make_table("what helped so far", columns, right=("helped",))
    for record in records:
        belief = record.belief
        chance = f"{percent(belief.low, 0)} to {percent(belief.high, 0)}" if record.tried else "unknown"
        table.add_row(
            one_line(record.strategy.replace("+", " + ")),
            record.kind or "",
            f"{record.helped} of {record.tried}",
            chance,
        )
    console.print(table)


def _prompt_rows(door: Door, names: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each prompt: the executions of its live version, of all its versions where none is live."""
    from flywheel.records.columns import NOT_EVIDENCE, Scope

    live = door.store.releases.all_live(door.workspace)
    ran = door.store.executions.outcomes(Scope(workspace=door.workspace, exclude_sources=NOT_EVIDENCE))
    return [_prompt_row(name, live.get(name), ran.get(name, {})) for name in names]


def _prompt_row(
    name: str, live: LiveVersion | None, ran: Mapping[str, Mapping[Outcome, int]]
) -> dict[str, Any]:
    from flywheel.records.execution import Outcome

    version = live.version if live else None
    counts: Counter[Outcome] = Counter()
    for ran_version, here in ran.items():
        if version in (None, ran_version):
            counts.update(here)
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
