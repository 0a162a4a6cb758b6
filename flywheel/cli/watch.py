"""`flywheel watch`: the quality of what is live, look after look."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.names import known_prompt
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import FlywheelError, StoreError

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.quality import QualityReport
    from flywheel.records.release_watch import ReleaseReading
    from flywheel.watch.quality import QualityThresholdMonitor

app = typer.Typer(add_completion=False)


class WatchBy(StrEnum):
    """What a table of streams can be split by."""

    PROMPT = "prompt"
    SLICE = "slice"
    MODEL = "model"
    CELL = "cell"


@app.command(
    epilog=examples(
        "flywheel watch --once",
        "flywheel watch --every 30m",
        "flywheel watch --once --by slice --level warning=0.8 --level critical=0.7",
        "flywheel watch --prompt triage --at 2026-11-01",
    )
)
def watch(
    *,
    once: Annotated[bool, typer.Option("--once", help="One look, then end.")] = False,
    every: Annotated[
        str, typer.Option("--every", metavar="T", help="Time between two looks: 90s, 30m, 12h.")
    ] = "30m",
    by: Annotated[
        WatchBy | None,
        typer.Option("--by", help="One row per value. Default: prompts, with all that fired."),
    ] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", metavar="NAME", help="Only this prompt.")] = None,
    window: Annotated[
        str | None,
        typer.Option("--window", metavar="T", help="Over which a level is judged: whole days. Default: 7d."),
    ] = None,
    level: Annotated[
        list[str] | None,
        typer.Option(
            "--level",
            metavar="NAME=SHARE",
            help="excellent, target, warning or critical; repeatable. Default: 0.98, 0.95, 0.90, 0.85.",
        ),
    ] = None,
    score: Annotated[
        bool, typer.Option("--score", help="Watch the mean score in place of the pass rate.")
    ] = False,
    response_ms: Annotated[
        float | None,
        typer.Option(
            "--response-ms", min=0, metavar="MS", help="Watch response time too: 95 % should keep to this."
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="One look as of then; no alert is raised."),
    ] = None,
    roll_back: Annotated[
        bool,
        typer.Option(
            "--roll-back",
            help="Undo a release that is shown to be worse, where the strategy of its cycle says so.",
        ),
    ] = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Whether the quality of a prompt, of its models or slices has fallen, is too low, or is about to be.

    Without --once it looks again and again, and says what changed; Ctrl-C ends it. What fires becomes an
    alert (`flywheel alerts`). --at and --json are one look. Exit code 1 when a stream is shown to be critical
    or to have fallen, or a release to be worse. Settings: the table `watch` of the alerts file.
    """
    from flywheel.cli.watch_releases import act_on_releases, look_at_releases
    from flywheel.cli.watch_settings import moment_at, seconds_of

    pause_s, moment = seconds_of(every, "--every"), moment_at(at)
    door = open_door(store, workspace, as_json)
    monitor = _monitor(door, window, level or [], score=score, response_ms=response_ms)
    if prompt is not None:
        known_prompt(monitor.system.store, door.workspace, prompt)
    report, measures = monitor.look(prompt, moment)
    looked = [] if moment is not None else look_at_releases(monitor, prompt)
    _show(door, (report, *measures), by, looked)
    if moment is None:
        _tell(door, monitor, (report, *measures))
        act_on_releases(door, monitor, looked, roll_back=roll_back)
    if once or as_json or moment is not None:
        bad = any(one.degraded for one in (report, *measures)) or any(one.is_worse for one in looked)
        raise typer.Exit(1 if bad else 0)
    _go_on(door, monitor, _Asked(prompt, pause_s, roll_back), ((report, *measures), looked))


class _Asked(NamedTuple):
    """What a look that is repeated is asked for."""

    prompt: str | None
    pause_s: int
    roll_back: bool


def _monitor(
    door: Door, window: str | None, levels: list[str], *, score: bool, response_ms: float | None
) -> QualityThresholdMonitor:
    from flywheel.cli.alert_raising import alerts_config
    from flywheel.cli.watch_settings import settings_of
    from flywheel.store.open import open_store
    from flywheel.watch.alerting import alerting_system
    from flywheel.watch.quality import QualityThresholdMonitor

    config = alerts_config()
    settings = settings_of(config.watch, window, levels, score=score, response_ms=response_ms)
    kept = open_store(door.settings.database_url, create=False)
    return QualityThresholdMonitor(alerting_system(kept, config), settings, door.workspace)


def _show(
    door: Door, reports: Sequence[QualityReport], by: WatchBy | None, looked: Sequence[ReleaseReading]
) -> None:
    from flywheel.cli.watch_measures import draw_measures, not_watched
    from flywheel.cli.watch_page import draw_report
    from flywheel.cli.watch_releases import draw_releases

    report, *measures = reports
    document: Document = {
        **report.model_dump(mode="json"),
        "degraded": [one.name for one in report.degraded],
        "literal_flagged": report.literal_flagged,
        "releases": [one.model_dump(mode="json") for one in looked],
        "measures": {one.settings.measure: one.model_dump(mode="json") for one in measures},
    }

    def draw(console: Console) -> None:
        draw_report(console, report, by.value if by else None)
        draw_measures(console, measures, by.value if by else None)
        draw_releases(console, looked)

    door.answer(document, draw)
    if not door.as_json and (missing := not_watched(measures, report)):
        door.err.print(missing, style="dim", markup=False)


def _tell(door: Door, monitor: QualityThresholdMonitor, reports: Sequence[QualityReport]) -> None:
    try:
        problems = [problem for report in reports for problem in monitor.tell(report).problems()]
    except FlywheelError as error:
        problems = [f"Alerts were not all told: {error}"]
    for problem in problems:
        door.err.print(problem, style="yellow", markup=False, soft_wrap=True)


def _go_on(
    door: Door,
    monitor: QualityThresholdMonitor,
    asked: _Asked,
    before: tuple[Sequence[QualityReport], Sequence[ReleaseReading]],
) -> None:
    """Look again until Ctrl-C; a store that is away is told once, and asked again."""
    from flywheel.cli.watch_measures import all_changes
    from flywheel.cli.watch_releases import act_on_releases, look_at_releases, release_changes
    from flywheel.learn.counting import count_of

    looks, away = 1, False
    reports, looked = before
    door.err.print(f"Looking again every {asked.pause_s:,} s; Ctrl-C ends.", style="dim")
    try:
        while True:
            time.sleep(asked.pause_s)
            try:
                quality, measures = monitor.look(asked.prompt)
                after = (quality, *measures)
                then = look_at_releases(monitor, asked.prompt)
            except StoreError as error:
                if not away:
                    door.err.print(f"No look: {error}", style="yellow", markup=False, soft_wrap=True)
                away = True
                continue
            looks, away = looks + 1, False
            for line in (*all_changes(reports, after), *release_changes(looked, then)):
                door.out.print(line, markup=False, soft_wrap=True)
            _tell(door, monitor, after)
            act_on_releases(door, monitor, then, roll_back=asked.roll_back)
            reports, looked = after, then
    except KeyboardInterrupt:
        door.err.print(f"\nStopped after {count_of(looks, 'look')}.", style="yellow")
