"""Phase 2 as a Prefect task: what fails, how often, why."""

from __future__ import annotations

from prefect import task

from flywheel.cycle import do_analyze
from flywheel.records.analysis import Analysis, Feedback
from tasks.artifacts import pattern_rows
from tasks.policy import POLICY, QUICK_S
from tasks.publishing import publish_table
from tasks.wiring import Places, wired


@task(
    name="analyze",
    description="Finds failure patterns; decides whether the prompt is worth improving.",
    task_run_name="analyze {feedback.context.request.prompt}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def analyze(feedback: Feedback, places: Places) -> Analysis:
    """Metrics, failure patterns and the need; shows the patterns as a table.

    Args:
        feedback: what collect gave.
        places: names of the blocks.

    Returns:
        What fails and why.
    """
    with wired(places) as wiring:
        analysis = do_analyze(feedback, wiring)
    publish_table(
        analysis.context.request, "failure-patterns", pattern_rows(analysis), "What fails, the worst first."
    )
    return analysis
