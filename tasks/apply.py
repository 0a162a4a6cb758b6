"""Phase 5 as a Prefect task: promote, stage, or leave alone."""

from __future__ import annotations

from prefect import task

from flywheel.cycle import do_apply
from flywheel.records.release import Release
from flywheel.records.verdict import Verdicts
from tasks.policy import POLICY, QUICK_S
from tasks.wiring import Places, wired


@task(
    name="apply",
    description="Moves the live pointer in one transaction, or puts the change before a person.",
    task_run_name="apply {verdicts.context.request.prompt}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def apply(verdicts: Verdicts, places: Places) -> Release:
    """Release what earned it; applying twice changes nothing.

    The journal in our own store makes it safe to try again after a crash.

    Args:
        verdicts: what validate gave.
        places: names of the blocks.

    Returns:
        What was promoted, staged, rejected and held.

    Raises:
        StaleRelease: what is live moved meanwhile; not tried again.
    """
    with wired(places) as wiring:
        return do_apply(verdicts, wiring)
