"""Flow `roll-back`: an earlier version of a prompt becomes live again.

Running it twice moves the pointer twice; the history keeps both moves.
"""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow
from prefect.states import Completed
from pydantic import Field

from flows.form import NonBlank
from flywheel.cli.drawing import short
from flywheel.records.release import ReleaseEvent
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
) -> State[ReleaseEvent]:
    """Undo a release.

    Args:
        prompt: name of the prompt.
        why: the reason; kept in the history.
        to: version to restore; None is the previous one.
        workspace: of the prompt.
        store: name of a Flywheel Store block.

    Returns:
        Completed with the entry in the history.
    """
    event = roll_back_release(workspace, prompt, to, why, Places(store=store))
    return Completed(
        message=f"{short(event.version)} is live again, in place of {short(event.previous)}", data=event
    )
