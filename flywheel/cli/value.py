"""`flywheel value`: what testing is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples

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
        float, typer.Option("--window-days", min=1, metavar="D", help="How far back.")
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

    Exit code 1 when the health is shown to be below 0.6; nothing is raised, that does the flow `dashboard`.
    """
    from flywheel.cli.value_page import draw_value
    from flywheel.learn.value_health import LEAST_HEALTH

    door = open_door(store, workspace, as_json)
    report = value_of(door, window_days, value_per_outcome)
    document: Document = report.model_dump(mode="json")
    door.answer(document, lambda console: draw_value(console, report, formulas=formulas))
    health = report.metric("health_score")
    raise typer.Exit(1 if health.value is not None and health.value < LEAST_HEALTH else 0)


def value_of(
    door: Door, window_days: float = DEFAULT_DAYS, value_per_outcome_usd: float | None = None
) -> ValueReport:
    """All metrics of the workspace of a command.

    Args:
        door: of the command.
        window_days: how far back.
        value_per_outcome_usd: worth of one more passed execution; None is not said.
    """
    return _dashboard(door, window_days, value_per_outcome_usd).read()


def _dashboard(door: Door, window_days: float, value_per_outcome_usd: float | None) -> ValueDashboard:
    from flywheel.store.open import open_store
    from flywheel.watch.alerting import AutomatedAlertingSystem
    from flywheel.watch.value import ValueDashboard

    kept = open_store(door.settings.database_url, create=False)
    return ValueDashboard(
        AutomatedAlertingSystem(kept, ()), door.workspace, window_days, value_per_outcome_usd
    )
