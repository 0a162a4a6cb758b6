"""`flywheel trust update` with `flywheel trust cleanup`: what a schedule does."""

from __future__ import annotations

from typing import Annotated

import typer

from flywheel.cli.doors import open_door
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.records.base import MOST_DAYS


def add_to(app: typer.Typer) -> None:
    """Put the commands into the group."""
    app.command(epilog=examples("flywheel trust update"))(update)
    app.command(epilog=examples("flywheel trust cleanup", "flywheel trust cleanup --days 30"))(cleanup)


def update(
    *, store: StoreOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """Compute trust anew, keep the scores, say who gained or lost it; flow `update-trust` does the same."""
    from flywheel.capture.trust_update import update_trust
    from flywheel.cycle import SystemClock
    from flywheel.store.open import open_store

    door = open_door(store, workspace, as_json)
    opened = open_store(door.settings.database_url, create=False)
    done = update_trust(opened, door.workspace, SystemClock())
    document = {**done.report.model_dump(mode="json"), "gained": list(done.gained), "lost": list(done.lost)}
    door.answer(document, lambda console: console.print(f"{done.message}. See: flywheel trust{door.again}"))


def cleanup(
    *,
    days: Annotated[
        float,
        typer.Option("--days", min=1, max=MOST_DAYS, metavar="N", help="How long recommendations are kept."),
    ] = 90.0,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete old recommendations with the words of their judges; trust stays what it was.

    Scores that were computed then go too, but never the newest of an agent.
    """
    from flywheel.capture.cleanup import clean_up
    from flywheel.cycle import SystemClock
    from flywheel.learn.counting import count_of
    from flywheel.store.open import open_store

    door = open_door(store, workspace, as_json)
    opened = open_store(door.settings.database_url, create=False)
    done = clean_up(opened, door.workspace, SystemClock().now(), days)
    told = (
        f"{count_of(done.recommendations, 'recommendation')}, {count_of(done.trust_scores, 'score')} deleted"
    )
    before = f"older than {days:g} days. Marks stay, so trust is what it was."
    door.answer(done.model_dump(mode="json"), lambda console: console.print(f"{told}, {before}"))
