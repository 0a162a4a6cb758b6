"""Phase 6 as a Prefect task: lineage, plus the summary of the cycle."""

from __future__ import annotations

from prefect import task

from flywheel.cycle import do_track
from flywheel.records.analysis import Analysis
from flywheel.records.cycle import FeedbackLoopOutput, Phase
from flywheel.records.release import Release
from tasks.pages import lineage_page, summary_page
from tasks.policy import LIVE_S, POLICY
from tasks.publishing import publish_page
from tasks.wiring import Places, wired


@task(
    name="track",
    description="Measures a release on its report cases, keeps the lineage, sums the cycle up.",
    task_run_name="track {release.context.request.prompt}",
    timeout_seconds=LIVE_S,
    tags=["flywheel"],
    **POLICY,
)
def track(release: Release, places: Places) -> FeedbackLoopOutput:
    """Close the cycle; shows the summary and the lineage.

    Args:
        release: what apply gave.
        places: names of the blocks.

    Returns:
        What the cycle did, with the numbers.
    """
    context = release.context
    request = context.request
    with wired(places, live=release.promoted is not None, model=request.model) as wiring:
        output = do_track(release, wiring)
        kept = wiring.store.cycles.finished(context.cycle_id, Phase.ANALYZE)
        edges = wiring.store.lineage.edges(request.workspace, request.prompt)
    analysis = Analysis.model_validate_json(kept) if kept else None
    publish_page(request, "summary", summary_page(analysis, release, output), output.because)
    publish_page(request, "lineage", lineage_page(request.prompt, edges, output.live), "Who came from whom.")
    return output
