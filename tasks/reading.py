"""What a run asks the store outside the six phases."""

from __future__ import annotations

from collections.abc import Mapping

from prefect import task

from flywheel.records.cycle import FeedbackLoopOutput, Phase
from tasks.policy import POLICY, QUICK_S
from tasks.wiring import Places, wired


@task(
    name="list-prompts",
    description="Every prompt of the workspace.",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def list_prompts(workspace: str, places: Places) -> tuple[str, ...]:
    """Prompts that have a version or an execution, sorted."""
    with wired(places) as wiring:
        return tuple(wiring.store.prompts.names(workspace))


@task(
    name="read-outputs",
    description="What the cycles of this run gave before it was suspended.",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def read_outputs(cycles: Mapping[str, str], places: Places) -> dict[str, FeedbackLoopOutput]:
    """Outputs by prompt, for the cycles that were finished.

    Args:
        cycles: cycle id by prompt.
        places: names of the blocks.
    """
    found = {}
    with wired(places) as wiring:
        for prompt, cycle_id in cycles.items():
            kept = wiring.store.cycles.finished(cycle_id, Phase.TRACK)
            if kept is not None:
                found[prompt] = FeedbackLoopOutput.model_validate_json(kept)
    return found
