"""Trust in agents as Prefect tasks: compute it, delete what is old."""

from __future__ import annotations

from prefect import task
from prefect.logging import get_run_logger

from blocks.store import store_block
from flywheel.capture.cleanup import CleanupCounts, clean_up
from flywheel.capture.trust_update import TrustUpdate, update_trust
from flywheel.cli.drawing import UNKNOWN, moment, percent
from flywheel.cycle import SystemClock
from flywheel.learn.trust import TrustScorer
from flywheel.records.base import Name
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.trust import TrustReport, TrustSettings
from tasks.artifacts import Row, cells
from tasks.policy import POLICY, QUICK_S
from tasks.publishing import publish_table
from tasks.wiring import Places


@task(
    name="compute-trust",
    description="Trust in every agent from what is stored; the scores are kept.",
    task_run_name="trust of {workspace}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def compute_trust(workspace: Name, settings: TrustSettings, places: Places) -> TrustUpdate:
    """Compute and keep; the table is an artifact.

    Args:
        workspace: whose agents.
        settings: target and limits.
        places: names of the blocks.
    """
    with store_block(places.store).open() as store:
        done = update_trust(store, workspace, SystemClock(), TrustScorer(settings))
    get_run_logger().info(done.message)
    publish_table(
        FeedbackLoopInput(prompt="trust", workspace=workspace),
        "agents",
        trust_rows(done.report),
        f"Trust in every agent, at {moment(done.report.computed_at)} UTC.",
    )
    return done


@task(
    name="clean-up",
    description="Deletes old recommendations with their words; their marks stay.",
    task_run_name="clean up {workspace}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def clean_workspace(workspace: Name, days: float, places: Places) -> CleanupCounts:
    """Delete what is older than so many days.

    Args:
        workspace: whose.
        days: how long recommendations are kept.
        places: names of the blocks.
    """
    with store_block(places.store).open() as store:
        return clean_up(store, workspace, SystemClock().now(), days)


def trust_rows(report: TrustReport) -> list[Row]:
    """Agents as rows of a table, the most trusted first.

    Args:
        report: the scores.
    """
    rows: list[Row] = [
        {
            "agent": one.agent,
            "trusted": "yes" if one.trusted else "no",
            "score": percent(one.score),
            "interval": UNKNOWN
            if one.score_low is None
            else f"{percent(one.score_low)} to {percent(one.score_high)}",
            "outcomes": one.outcomes,
            "known score": percent(one.known_score),
            "strength": UNKNOWN if one.strength is None else one.strength.value,
            "trend": UNKNOWN if one.trend is None else one.trend.value,
        }
        for one in report.agents
    ]
    return cells(rows)
