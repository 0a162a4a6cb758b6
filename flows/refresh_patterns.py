"""Flow `refresh-patterns`: when recommendations succeed or fail, found anew.

A run again over the same recommendations finds the same.
"""

from __future__ import annotations

from prefect import State, flow
from prefect.states import Completed

from flows.form import StoreField, WorkspaceField
from flywheel.learn.counting import count_of
from tasks.learned import PatternsDone, refresh_learned_patterns
from tasks.wiring import Places


@flow(
    name="refresh-patterns",
    description="Patterns of judged recommendations: kept while found, retired when found no more.",
    flow_run_name="patterns of {workspace}",
    persist_result=False,
)
def refresh_patterns(
    *,
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
) -> State[PatternsDone]:
    """Mine once.

    Args:
        workspace: whose recommendations.
        store: name of a Flywheel Store block.

    Returns:
        Completed; the data is what was found.
    """
    done = refresh_learned_patterns(workspace, Places(store=store))
    found = count_of(len(done.patterns), "pattern")
    judged = count_of(done.judged, "judged recommendation")
    return Completed(message=f"{found} in {judged}, {done.proven} proven, {done.retired} retired", data=done)
