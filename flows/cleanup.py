"""Flow `cleanup`: old recommendations go with their words, what decides stays.

A run again deletes what became old since; a run that was killed deleted whole tables' worth or nothing.
"""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed
from pydantic import Field

from flows.form import StoreField, WorkspaceField
from flywheel.capture.cleanup import CleanupCounts
from tasks.trust import clean_workspace
from tasks.wiring import Places


@flow(
    name="cleanup",
    description="Deletes recommendations and computed scores that are old; trust stays what it was.",
    flow_run_name="clean up {workspace}",
    persist_result=False,
)
def cleanup(
    *,
    days: Annotated[
        float, Field(ge=1, title="Days", description="how long recommendations are kept with their words")
    ] = 90.0,
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
) -> State[CleanupCounts]:
    """Delete once.

    Args:
        days: how long recommendations are kept.
        workspace: whose.
        store: name of a Flywheel Store block.

    Returns:
        Completed with what went; the data is the counts.
    """
    done = clean_workspace(workspace, days, Places(store=store))
    told = f"{done.recommendations:,} recommendations and {done.trust_scores:,} scores deleted"
    return Completed(message=f"{told}, older than {days:g} days", data=done)
