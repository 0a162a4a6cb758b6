"""`flywheel value`: what testing is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.records.base import MOST_DAYS

if TYPE_CHECKING:
    from flywheel.records.value import ValueReport
    from flywheel.watch.value import ValueDashboard

app = typer.Typer(add_completion=False)

DEFAULT_DAYS = 90.0


@app.command(
    epilog=examples(
        "flywheel value", "flywheel value --value-per-outcome 0.05", "flywheel value --formulas --json"
    )
)
def value(
    *,
    window_days: Annotated[
        float, typer.Option("--window-days", min=1, max=MOST_DAYS, metavar="D", help="How far back.")
    ] = DEFAULT_DAYS,
    value_per_outcome: Annotated[
        float | None,
        typer.Option(
            "--value-per-outcome",
            min=0,
            metavar="USD",
            help="Worth of one more passed execution, for the ROI.",
        ),
    ] = None,
    formulas: Annotated[bool, typer.Option("--formulas", help="Say how each metric is made.")] = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Health, value of tests, learning velocity, ROI and more, each with its interval or why it is unknown.

    Exit code 1 when the health is below 0.6. It raises no alert; the flow `dashboard` does.
    """
    from flywheel.cli.value_page import draw_value
    from flywheel.learn.value_health import LEAST_HEALTH

    door = open_door(store, workspace, as_json)
    report = _dashboard(door, window_days, value_per_outcome).read()
    document: Document = report.model_dump(mode="json")
    door.answer(document, lambda console: draw_value(console, report, formulas=formulas))
    health = report.metric("health_score")
    raise typer.Exit(1 if health.value is not None and health.value < LEAST_HEALTH else 0)


def value_in_short(door: Door) -> ValueReport:
    """The metrics with the executions of a week, for a command that says more than value.

    Args:
        door: of the command.
    """
    from flywheel.learn.value_health import RECENT_DAYS

    return _dashboard(door, DEFAULT_DAYS, None).read(executions_days=RECENT_DAYS)


def _dashboard(door: Door, window_days: float, value_per_outcome_usd: float | None) -> ValueDashboard:
    from flywheel.store.open import open_store
    from flywheel.watch.alerting import AutomatedAlertingSystem
    from flywheel.watch.value import ValueDashboard

    kept = open_store(door.settings.database_url, create=False)
    return ValueDashboard(
        AutomatedAlertingSystem(kept, ()), door.workspace, window_days, value_per_outcome_usd
    )
