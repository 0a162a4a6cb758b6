"""Phase 3 as a Prefect task: versions worth testing."""

from __future__ import annotations

from prefect import task

from flywheel.cycle import do_generate
from flywheel.records.analysis import Analysis
from flywheel.records.proposal import Proposals
from tasks.artifacts import proposal_rows
from tasks.policy import LIVE_S, POLICY
from tasks.publishing import publish_table
from tasks.wiring import Places, wired


@task(
    name="generate",
    description="Proposes versions from what failed; gate cases are never seen here.",
    task_run_name="generate {analysis.context.request.prompt}",
    timeout_seconds=LIVE_S,
    tags=["flywheel"],
    **POLICY,
)
def generate(analysis: Analysis, places: Places) -> Proposals:
    """Proposals with their reasons; shows them as a table.

    Args:
        analysis: what analyze gave.
        places: names of the blocks.

    Returns:
        What will be tested, with what was thrown out unseen.
    """
    with wired(places) as wiring:
        proposals = do_generate(analysis, wiring)
    publish_table(
        proposals.context.request, "proposals", proposal_rows(proposals), "What is proposed, with the reason."
    )
    return proposals
