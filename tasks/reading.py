"""What a run asks the store outside the six phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prefect import task

from flywheel.cycle import effective_strategy
from flywheel.phases.due import due
from flywheel.records.cycle import FeedbackLoopInput, FeedbackLoopOutput, Phase
from flywheel.records.due import Due, Trigger
from flywheel.records.prompt import application_prompts
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
    """Prompts that have a version or an execution, sorted; without the instructions of the refiner."""
    with wired(places) as wiring:
        return tuple(application_prompts(wiring.store.prompts.names(workspace)))


@task(
    name="judge-due",
    description="Whether new evidence is worth a cycle, prompt by prompt.",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def judge_due(requests: Sequence[FeedbackLoopInput], occasion: Trigger, places: Places) -> tuple[Due, ...]:
    """What is due, in the order of the requests; nothing is written.

    Args:
        requests: one per prompt.
        occasion: what asks.
        places: names of the blocks.
    """
    with wired(places) as wiring:
        store, now = wiring.store, wiring.clock.now()
        return tuple(due(one, effective_strategy(one), store, now, occasion) for one in requests)


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
