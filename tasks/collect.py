"""Phase 1 as a Prefect task: which evidence a cycle looks at."""

from __future__ import annotations

from prefect import task

from flywheel.cycle import do_collect, open_cycle
from flywheel.records.analysis import Feedback
from flywheel.records.cycle import FeedbackLoopInput
from tasks.policy import LIVE_S, POLICY
from tasks.publishing import ProgressBar
from tasks.wiring import Places, wired


@task(
    name="collect",
    description="Opens the cycle, or continues it; counts the executions of the window.",
    task_run_name="collect {request.prompt}",
    timeout_seconds=LIVE_S,
    tags=["flywheel"],
    **POLICY,
)
def collect(request: FeedbackLoopInput, places: Places) -> Feedback:
    """Open the cycle of a request, gather its evidence by reference.

    Args:
        request: what is asked.
        places: names of the blocks.

    Returns:
        Counts and references; the context all later phases share.

    Raises:
        UnknownName: no such prompt or strategy; not tried again.
        StoreUnreachable, ModelUnavailable: tried again three times.
    """
    bar = ProgressBar(request)
    with wired(places, bar, live=True, model=request.model) as wiring:
        feedback = do_collect(open_cycle(request, wiring), wiring)
    bar.finish()
    return feedback
