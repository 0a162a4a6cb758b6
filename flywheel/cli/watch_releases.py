"""Releases in `flywheel watch`: the live version beside the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flywheel.cli.drawing import moment, short
from flywheel.errors import FlywheelError

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.cli.doors import Door
    from flywheel.records.release_watch import ReleaseReading
    from flywheel.watch.quality import QualityThresholdMonitor
    from flywheel.watch.releases import ReleaseWatch


def look_at_releases(monitor: QualityThresholdMonitor, prompt: str | None) -> list[ReleaseReading]:
    """Live versions that replaced another one lately.

    Args:
        monitor: whose store and settings.
        prompt: only this one; None takes all.
    """
    return list(_watch(monitor).read(prompt))


def draw_releases(console: Console, readings: Sequence[ReleaseReading]) -> None:
    """A line for each release."""
    for one in readings:
        style = "bold red" if one.is_worse else "dim"
        console.print(f"{_name(one)}: {one.state.value}; {one.because}", style=style, markup=False)


def release_changes(before: Sequence[ReleaseReading], after: Sequence[ReleaseReading]) -> list[str]:
    """A line for each release that is new, or shown to be otherwise than at the last look."""
    known = {(one.prompt, one.revision): one.state for one in before}
    return [
        f"{_name(one)}: {one.state.value}; {one.because}"
        for one in after
        if known.get((one.prompt, one.revision)) is not one.state
    ]


def act_on_releases(
    door: Door, monitor: QualityThresholdMonitor, readings: Sequence[ReleaseReading], *, roll_back: bool
) -> None:
    """Tell what is worse; undo it where that is asked for and its strategy says so.

    Args:
        door: where problems are told.
        monitor: with the way out for alerts.
        readings: of the releases.
        roll_back: whether anything is undone.
    """
    from flywheel.phases.telling import tell_live
    from flywheel.watch.news import spread
    from flywheel.watch.releases import release_news

    watch = _watch(monitor)
    for one in readings:
        undone = watch.undo(one) if roll_back and one.is_worse and one.may_roll_back else None
        if undone is not None:
            with door.telling() as observer:
                tell_live(observer, monitor.system.store, one.workspace, one.prompt)
            said = f"{short(undone.version)} of {one.prompt} is live again, in place of {short(one.version)}."
            door.err.print(said, style="yellow", markup=False)
    try:
        news = release_news(readings, watch.undone(), monitor.system.clock.now())
        problems = spread(monitor.system, news).problems()
    except FlywheelError as error:
        problems = [f"Alerts were not all told: {error}"]
    for problem in problems:
        door.err.print(problem, style="yellow", markup=False, soft_wrap=True)


def _watch(monitor: QualityThresholdMonitor) -> ReleaseWatch:
    from flywheel.watch.releases import ReleaseWatch

    return ReleaseWatch(monitor.system, monitor.settings, monitor.workspace)


def _name(one: ReleaseReading) -> str:
    return f"release {short(one.version)} of {one.prompt}, {moment(one.released_at)} UTC"
