"""The undoing of a release as a Prefect task."""

from __future__ import annotations

from prefect import task

from flywheel.errors import UnknownName
from flywheel.phases.telling import tell_live
from flywheel.records.release import ReleaseEvent
from tasks.policy import POLICY, QUICK_S
from tasks.wiring import Places, wired

ACTOR = "prefect"
"""Who the history names; who pressed the button is in the Prefect run."""


@task(
    name="roll-back",
    description="Puts an earlier version of a prompt back, to the byte.",
    task_run_name="roll back {prompt}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def roll_back_release(
    workspace: str, prompt: str, to: str | None, why: str, places: Places
) -> ReleaseEvent | None:
    """Make an earlier version live again.

    Args:
        workspace: of the prompt.
        prompt: its name.
        to: content hash, its first eight digits or more, or a label; None is the previous one.
        why: kept in the history.
        places: names of the blocks.

    Returns:
        The entry in the history; None where that version is live already, so that nothing was done.

    Raises:
        UnknownName: no such version; nothing was changed.
    """
    with wired(places) as wiring:
        target = None
        if to is not None:
            found = wiring.store.prompts.get(workspace, prompt, to)
            if found is None:
                msg = (
                    f"Prompt {prompt!r} has no version {to!r}. Nothing was changed. "
                    f"See: flywheel prompt log {prompt}"
                )
                raise UnknownName(msg)
            target = found.version
            live = wiring.store.releases.live(workspace, prompt)
            if live is not None and live.version == target:
                return None
        event = wiring.store.releases.rollback(workspace, prompt, target, why, ACTOR, wiring.clock.now())
        tell_live(wiring.observer, wiring.store, workspace, prompt)
        return event
