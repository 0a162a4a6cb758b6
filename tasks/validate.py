"""Phase 4 as a Prefect task: one verdict per proposal."""

from __future__ import annotations

from prefect import task
from prefect.concurrency.sync import concurrency

from flywheel.cycle import do_validate
from flywheel.records.proposal import Proposals
from flywheel.records.verdict import Verdicts
from tasks.artifacts import verdict_rows
from tasks.policy import LIVE_S, POLICY
from tasks.publishing import ProgressBar, publish_table
from tasks.wiring import Places, wired

LIVE_EXPERIMENTS = "flywheel-live-experiments"
"""Global concurrency limit; where bootstrap never ran there is none, so nothing waits."""


@task(
    name="validate",
    description="Holds every proposal against the live version on the same cases.",
    task_run_name="validate {proposals.context.request.prompt}",
    timeout_seconds=LIVE_S,
    tags=["flywheel"],
    **POLICY,
)
def validate(proposals: Proposals, places: Places) -> Verdicts:
    """Ship, stage, hold or reject each proposal; shows progress, then a table.

    Args:
        proposals: what generate gave.
        places: names of the blocks.

    Returns:
        One verdict per proposal with its evidence.
    """
    request = proposals.context.request
    bar = ProgressBar(request)
    with (
        wired(places, bar, live=True, model=request.model) as wiring,
        concurrency(LIVE_EXPERIMENTS, occupy=1),
    ):
        verdicts = do_validate(proposals, wiring)
    bar.finish()
    publish_table(request, "verdicts", verdict_rows(verdicts), "What was tried, each with a because.")
    return verdicts
