"""Quality as a Prefect task: one look at every stream."""

from __future__ import annotations

import math
import os

from prefect import task
from prefect.events import emit_event
from prefect.logging import get_run_logger

from blocks.store import store_block
from flywheel.cli.drawing import UNKNOWN, moment, percent
from flywheel.cli.names import known_prompt
from flywheel.cli.watch_measures import value_of
from flywheel.cli.watch_page import promises, shown, since, trend
from flywheel.cli.watch_settings import settings_of
from flywheel.records.alert import Severity
from flywheel.records.base import Name, NonNegative, Record, Share
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.quality import Days, QualityReport, QualitySettings
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.alerts_file import read_alerts
from flywheel.watch.quality import QualityThresholdMonitor
from tasks.artifacts import Row, cells
from tasks.policy import POLICY, QUICK_S
from tasks.publishing import publish_table
from tasks.wiring import Places

DEGRADED = "flywheel.quality.degraded"
"""Event about a prompt whose quality needs somebody, or a cycle."""


class QualityRequest(Record):
    """What is looked at; what is None is that of the alerts file of the worker.

    Attributes:
        prompts: none means all.
        window_days: over which a level is judged.
        excellent, target, warning, critical: levels.
        response_ms: response time that 95 % should keep to; 0 does not watch it.
    """

    workspace: Name = "default"
    prompts: tuple[Name, ...] = ()
    window_days: Days | None = None
    excellent: Share | None = None
    target: Share | None = None
    warning: Share | None = None
    critical: Share | None = None
    response_ms: NonNegative | None = None

    def over(self, settings: QualitySettings) -> QualitySettings:
        """Settings with what the request says over them.

        Raises:
            InputError: the levels are not in order.

        Examples:
            >>> QualityRequest(critical=0.7).over(QualitySettings()).levels.critical
            0.7
        """
        names = ("excellent", "target", "warning", "critical")
        levels = [f"{name}={getattr(self, name)!r}" for name in names if getattr(self, name) is not None]
        window = None if self.window_days is None else f"{self.window_days}d"
        return settings_of(settings, window, levels, response_ms=self.response_ms)


@task(
    name="watch-quality",
    description="Reads the quality of every stream from the stored executions.",
    task_run_name="watch {request.workspace}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def watch_quality(request: QualityRequest, places: Places) -> QualityReport:
    """One look; the table is an artifact.

    Args:
        request: prompts, window, levels.
        places: names of the blocks.

    Raises:
        UnknownName: no such prompt.
        InputError: the alerts file has a mistake.
    """
    settings = request.over(read_alerts(os.environ).watch)
    with store_block(places.store).open() as store:
        for prompt in request.prompts:
            known_prompt(store, request.workspace, prompt)
        monitor = QualityThresholdMonitor(AutomatedAlertingSystem(store, ()), settings, request.workspace)
        report = monitor.read(request.prompts[0] if len(request.prompts) == 1 else None)
    if request.prompts:
        kept = tuple(one for one in report.readings if one.prompt in request.prompts)
        expected = math.fsum(one.literal.false_chance or 0.0 for one in kept)
        report = report.model_copy(update={"readings": kept, "literal_false": expected})
    for line in promises(report):
        get_run_logger().info(line)
    publish_table(
        FeedbackLoopInput(prompt="quality", workspace=request.workspace),
        "watch",
        quality_rows(report),
        f"Quality of every stream, at {moment(report.read_at)} UTC.",
    )
    return report


@task(
    name="watch-measures",
    description="Reads response time, where a target is set, and satisfaction, where there are ratings.",
    task_run_name="watch measures of {request.workspace}",
    timeout_seconds=QUICK_S,
    tags=["flywheel"],
    **POLICY,
)
def watch_measures(request: QualityRequest, places: Places) -> tuple[QualityReport, ...]:
    """One look at what is watched beside quality; each table is an artifact.

    Args:
        request: prompts, window, response time.
        places: names of the blocks.

    Raises:
        InputError: the alerts file has a mistake.
    """
    settings = request.over(read_alerts(os.environ).watch)
    with store_block(places.store).open() as store:
        monitor = QualityThresholdMonitor(AutomatedAlertingSystem(store, ()), settings, request.workspace)
        found = monitor.measures(request.prompts[0] if len(request.prompts) == 1 else None)
    reports = []
    for report in found:
        kept = tuple(one for one in report.readings if not request.prompts or one.prompt in request.prompts)
        reports.append(report.model_copy(update={"readings": kept}))
        measure = report.settings.measure
        publish_table(
            FeedbackLoopInput(prompt=measure.replace(" ", "-"), workspace=request.workspace),
            "watch",
            measure_rows(reports[-1]),
            f"{measure.capitalize()} of every stream, at {moment(report.read_at)} UTC.",
        )
    return tuple(reports)


def measure_rows(report: QualityReport) -> list[Row]:
    """The readings of a further measure as rows of a table: its own number beside the share.

    Args:
        report: what was read.
    """
    numbers = {one.name: value_of(one, report.settings.measure) for one in report.readings}
    made = quality_rows(report)
    return [
        {**row, "value": numbers[str(row["stream"])][0]} if str(row["stream"]) in numbers else row
        for row in made
    ]


def tell_degraded(report: QualityReport) -> tuple[str, ...]:
    """Send the server one event for each prompt with a high or critical alert; an automation may heal it.

    Args:
        report: what was read.

    Returns:
        The prompts, sorted.
    """
    loud = [one for one in report.readings if one.severity and one.severity.rank >= Severity.HIGH.rank]
    prompts = tuple(sorted({one.prompt for one in loud if one.prompt}))
    for prompt in prompts:
        resource = {
            "prefect.resource.id": f"flywheel.prompt.{report.workspace}.{prompt}",
            "prefect.resource.name": prompt,
        }
        emit_event(DEGRADED, resource, payload={"workspace": report.workspace, "prompt": prompt})
    return prompts


def quality_rows(report: QualityReport) -> list[Row]:
    """The readings as rows of a table; those that fired first.

    Args:
        report: what was read.
    """
    ordered = sorted(report.readings, key=lambda one: -1 if one.severity is None else -2 - one.severity.rank)
    rows: list[Row] = [
        {
            "stream": one.name,
            "runs": one.scored,
            "rate": percent(one.rate),
            "interval": UNKNOWN if one.low is None else f"{percent(one.low)} to {percent(one.high)}",
            "shown": shown(one).plain,
            "trend": trend(one),
            "since (UTC)": moment(since(one)),
            "alert": one.severity.value if one.severity else UNKNOWN,
            "because": "; ".join(one.reasons) or one.because or one.fall.because,
        }
        for one in ordered
    ]
    return cells(rows)
