"""Flow `roll-back`: an earlier version of a prompt becomes live again.

Running it twice moves the pointer twice; the history keeps both moves.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from prefect import State, flow
from prefect.states import Completed
from pydantic import Field

from flows.form import AlertsField, NonBlank
from flywheel.cli.drawing import short
from flywheel.records.release import ReleaseEvent
from flywheel.watch.news import rollback_news
from tasks.raise_alerts import check_channels, raise_alerts
from tasks.roll_back import roll_back_release
from tasks.wiring import Places


@flow(
    name="roll-back",
    description="Puts an earlier version of a prompt back, to the byte, with the reason in the history.",
    flow_run_name="roll back {prompt}",
    persist_result=False,
)
def roll_back(
    prompt: Annotated[NonBlank, Field(title="Prompt", description="name of the prompt")],
    why: Annotated[NonBlank, Field(title="Why", description="kept in the history")],
    to: Annotated[
        str | None, Field(title="Version", description="hash or label to restore; empty: the previous one")
    ] = None,
    workspace: Annotated[str, Field(title="Workspace")] = "default",
    store: Annotated[
        str, Field(title="Store block", description="name of a Flywheel Store block")
    ] = "default",
    alerts: AlertsField = ["default"],  # noqa: B006  read, never changed; a form needs a plain default
) -> State[ReleaseEvent | None]:
    """Undo a release.

    Args:
        prompt: name of the prompt.
        why: the reason; kept in the history.
        to: version to restore; None is the previous one.
        workspace: of the prompt.
        store: name of a Flywheel Store block.
        alerts: names of Flywheel Alert Channel blocks.

    Returns:
        Completed with the entry in the history; with None where that version is live already.
    """
    check_channels(alerts)
    places = Places(store=store)
    event = roll_back_release(workspace, prompt, to, why, places)
    if event is None:
        return Completed(message=f"{to} is live already; nothing was done", data=None)
    raise_alerts(rollback_news(event, datetime.now(UTC)), alerts, places, return_state=True)
    return Completed(
        message=f"{short(event.version)} is live again, in place of {short(event.previous)}", data=event
    )
