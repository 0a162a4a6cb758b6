"""The worth of testing as a Prefect task."""

from __future__ import annotations

from prefect import task

from blocks.store import store_block
from flywheel.cli.drawing import UNKNOWN, moment
from flywheel.cli.value_page import shown
from flywheel.records.base import Name
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.value import ValueReport
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.value import ValueDashboard
from tasks.artifacts import Row, cells
from tasks.policy import POLICY, QUICK_S
from tasks.publishing import publish_table
from tasks.wiring import Places


@task(
    name="read-value",
    description="Reads every value metric from what is stored.",
    task_run_name="value of {workspace}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def read_value(
    workspace: Name, window_days: float, value_per_outcome_usd: float | None, places: Places
) -> ValueReport:
    """One look; the table is an artifact.

    Args:
        workspace: whose executions.
        window_days: how far back.
        value_per_outcome_usd: worth of one more passed execution; None refuses the return on money.
        places: names of the blocks.
    """
    with store_block(places.store).open() as store:
        system = AutomatedAlertingSystem(store, ())
        report = ValueDashboard(system, workspace, window_days, value_per_outcome_usd).read()
    publish_table(
        FeedbackLoopInput(prompt="value", workspace=workspace),
        "dashboard",
        value_rows(report),
        f"Value, {window_days:g} days to {moment(report.read_at)} UTC.",
    )
    return report


def value_rows(report: ValueReport) -> list[Row]:
    """The metrics as rows of a table.

    Args:
        report: what was read.
    """
    rows: list[Row] = [
        {
            "metric": one.title,
            "value": shown(one.value, one.unit),
            "unit": one.unit,
            "low": UNKNOWN if one.low is None else shown(one.low, one.unit),
            "high": UNKNOWN if one.high is None else shown(one.high, one.unit),
            "of": f"{one.of:,} {one.over}",
            "formula": one.formula,
            "because": one.because,
        }
        for one in report.metrics
    ]
    return cells(rows)
