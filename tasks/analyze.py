"""Phase 2 as a Prefect task: what fails, how often, why."""

from __future__ import annotations

from prefect import task

from flywheel.cycle import do_analyze
from flywheel.records.analysis import Analysis, Feedback
from tasks.findings import flaky_rows, insight_rows, pattern_rows, slice_rows
from tasks.policy import LIVE_S, POLICY
from tasks.publishing import publish_table
from tasks.wiring import Places, wired


@task(
    name="analyze",
    description="Finds failure patterns; decides whether the prompt is worth improving.",
    task_run_name="analyze {feedback.context.request.prompt}",
    timeout_seconds=LIVE_S,
    tags=["flywheel"],
    **POLICY,
)
def analyze(feedback: Feedback, places: Places) -> Analysis:
    """Metrics, failure patterns and the need; shows insights, patterns, slices, flaky tests as tables.

    Args:
        feedback: what collect gave.
        places: names of the blocks.

    Returns:
        What fails and why.
    """
    request = feedback.context.request
    with wired(places, explain=request.explain is not None) as wiring:
        analysis = do_analyze(feedback, wiring)
    for page, rows, says in (
        ("insights", insight_rows(analysis), "What is worth knowing, the most damaging first."),
        ("failure-patterns", pattern_rows(analysis), "What fails, the worst first."),
        ("worse-slices", slice_rows(analysis), "Where more fails than elsewhere, largest damage first."),
        ("flaky-tests", flaky_rows(analysis), "What passes as well as fails although nothing changed."),
    ):
        publish_table(request, page, rows, says)
    return analysis
