"""Releases held against the version before, as a Prefect task."""

from __future__ import annotations

import os

from prefect import task
from prefect.logging import get_run_logger

from blocks.store import store_block
from flywheel.phases.telling import tell_live
from flywheel.records.base import Name, Record
from flywheel.records.release import ReleaseEvent
from flywheel.records.release_watch import ReleaseReading
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.alerts_file import read_alerts
from flywheel.watch.news import News
from flywheel.watch.releases import ReleaseWatch, release_news
from tasks.policy import POLICY, QUICK_S
from tasks.wiring import Places, wired


class ReleaseLook(Record):
    """One release with what came of it.

    Attributes:
        undone: entry of the journal, None where nothing was undone.
    """

    reading: ReleaseReading
    undone: ReleaseEvent | None = None


@task(
    name="watch-releases",
    description="Holds every release against the version before it; undoes what is worse.",
    task_run_name="watch releases of {workspace}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def watch_releases(workspace: Name, places: Places, *, roll_back: bool) -> tuple[list[ReleaseLook], News]:
    """Look at every release of the last weeks.

    Args:
        workspace: whose prompts.
        places: names of the blocks.
        roll_back: undo what is worse, where the strategy of its cycle says so.

    Returns:
        The looks with what they have to tell.

    Raises:
        InputError: the alerts file has a mistake.
    """
    settings = read_alerts(os.environ).watch
    looks = []
    with wired(places) as wiring, store_block(places.store).open() as store:
        watch = ReleaseWatch(AutomatedAlertingSystem(store, ()), settings, workspace)
        for reading in watch.read():
            get_run_logger().info("%s: %s; %s", reading.prompt, reading.state.value, reading.because)
            undone = watch.undo(reading) if roll_back and reading.is_worse and reading.may_roll_back else None
            if undone is not None:
                tell_live(wiring.observer, store, workspace, reading.prompt)
            looks.append(ReleaseLook(reading=reading, undone=undone))
        readings = [one.reading for one in looks]
        news = release_news(readings, watch.undone(), watch.system.clock.now())
    return looks, news
