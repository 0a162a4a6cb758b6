"""Flow `update-trust`: how far can each agent be relied on now?

It reads all that is stored and keeps one row of scores per agent. A run again computes the same from the
same evidence; a run that was killed left either all rows or none.
"""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed
from pydantic import Field

from flows.form import StoreField, WorkspaceField
from flywheel.records.trust import TrustReport, TrustSettings
from tasks.trust import compute_trust
from tasks.wiring import Places


@flow(
    name="update-trust",
    description="Trust in every agent from judged recommendations and executions; the scores are kept.",
    flow_run_name="trust of {workspace}",
    persist_result=False,
)
def update_trust(
    *,
    trust_target: Annotated[
        float, Field(gt=0, lt=1, title="Target", description="accuracy worth relying on")
    ] = 0.8,
    latency_limit_ms: Annotated[
        float, Field(gt=0, title="Latency limit (ms)", description="up to which an execution is in time")
    ] = 5_000.0,
    judge_limit: Annotated[
        float,
        Field(gt=0, title="Judge limit", description="outcomes of an agent one judge may count for a day"),
    ] = 20.0,
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
) -> State[TrustReport]:
    """Compute trust once and keep it.

    Args:
        trust_target: accuracy from which an agent is worth relying on.
        latency_limit_ms: up to which an execution is in time.
        judge_limit: outcomes by which one judge may move one agent a day.
        workspace: whose agents.
        store: name of a Flywheel Store block.

    Returns:
        Completed with who gained or lost trust, `Skipped` where no agent has an outcome;
        the data is the report.
    """
    settings = TrustSettings(target=trust_target, latency_limit_ms=latency_limit_ms, judge_limit=judge_limit)
    done = compute_trust(workspace, settings, Places(store=store))
    if not done.report.agents:
        return Completed(name="Skipped", message="no agent has an outcome", data=done.report)
    return Completed(message=done.message, data=done.report)
