"""Flow `release-watch`: is what was released worse than what it replaced?

It keeps nothing between runs; a rollback is made once, through the journal of releases.
"""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed
from pydantic import Field

from flows.form import AlertsField, StoreField, WorkspaceField
from flywheel.cli.drawing import short
from flywheel.learn.counting import count_of
from tasks.raise_alerts import check_channels, end_alerts, raise_alerts
from tasks.release_watch import ReleaseLook, watch_releases
from tasks.wiring import Places


@flow(
    name="release-watch",
    description="Holds every release against the version before it; undoes what is worse.",
    flow_run_name="releases of {workspace}",
    persist_result=False,
)
def release_watch(
    *,
    roll_back: Annotated[
        bool, Field(title="Roll back", description="where the strategy of the cycle that released it says so")
    ] = True,
    alerts: AlertsField = ["default"],  # noqa: B006  read, never changed; a form needs a plain default
    workspace: WorkspaceField = "default",
    store: StoreField = "default",
) -> State[list[ReleaseLook]]:
    """Look once, undo what is worse, tell what a person must know.

    Args:
        roll_back: undo a release that is shown to be worse, where its strategy says so.
        alerts: names of Flywheel Alert Channel blocks.
        workspace: whose prompts.
        store: name of a Flywheel Store block.

    Returns:
        Completed, or Completed as `Degraded` when an alert did not reach somebody; the data is one look for
        each release.
    """
    check_channels(alerts)
    places = Places(store=store)
    looks, news = watch_releases(workspace, places, roll_back=roll_back)
    problems: tuple[str, ...] = ()
    if news.alerts:
        problems = raise_alerts(news, alerts, places)
    else:
        end_alerts(news, places)
    said = [f"{count_of(len(looks), 'release')} watched"]
    for one in looks:
        if one.reading.is_worse:
            after = f", {short(one.reading.previous)} is live again" if one.undone else ""
            said.append(f"{one.reading.prompt}: {one.reading.state.value}{after}")
    message = ". ".join((*said, *problems))
    return Completed(name="Degraded" if problems else "Completed", message=message, data=looks)
