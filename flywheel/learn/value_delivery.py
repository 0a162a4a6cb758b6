"""How improvements are delivered: how often, how fast, how many fail, how fast they recover."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flywheel.learn.value_loop import LoopWindow
from flywheel.records.alert import Alert, Severity
from flywheel.records.value import ValueMetric
from flywheel.stats.proportions import Counts, wilson
from flywheel.stats.quantiles import quantile_interval
from flywheel.stats.rates import poisson_rate
from flywheel.stats.survival import median_time

HOUR_S = 3600.0


def delivery(window: LoopWindow, alerts: Sequence[Alert]) -> tuple[ValueMetric, ...]:
    """Four measures of delivery, counted on improvements.

    Args:
        window: of the loop.
        alerts: of the workspace, open or resolved.

    References:
        Forsgren, Humble, Kim (2018), Accelerate, chapter 2.
    """
    return (_frequency(window), _lead_time(window), _failure_rate(window), _recovery(window, alerts))


def _frequency(window: LoopWindow) -> ValueMetric:
    found = poisson_rate(len(window.improvements), window.days / 30)
    unknown = bool(window.because)
    return ValueMetric(
        name="release_frequency",
        title="releases of improvements",
        unit="in 30 days",
        value=None if unknown else found.estimate,
        low=None if unknown else found.low,
        high=None if unknown else found.high,
        of=len(window.improvements),
        over="releases",
        formula="releases of improvements x 30 / days of the window",
        because=window.because,
    )


def _lead_time(window: LoopWindow) -> ValueMetric:
    opened = {one.cycle_id: one.opened_at for one in window.cycles}
    events = [one.event for one in window.improvements if (one.event.cycle_id or "") in opened]
    times = [(e.created_at - opened[e.cycle_id or ""]).total_seconds() / HOUR_S for e in events]
    found = quantile_interval(times)
    return ValueMetric(
        name="lead_time",
        title="lead time of an improvement",
        unit="hours",
        value=found.estimate,
        low=found.low,
        high=found.high,
        of=len(times),
        over="releases of a cycle of the window",
        formula="median time from the start of the cycle to the release",
        because="" if times else "no improvement was released",
    )


def _failure_rate(window: LoopWindow) -> ValueMetric:
    count = len(window.improvements)
    found = wilson(Counts(sum(not one.stands for one in window.improvements), count))
    return ValueMetric(
        name="change_failure_rate",
        title="improvements rolled back",
        unit="share",
        value=found.estimate,
        low=found.low,
        high=found.high,
        of=count,
        over="releases of improvements",
        formula="rolled back since / released",
        because="" if count else "no improvement was released",
    )


def _recovery(window: LoopWindow, alerts: Sequence[Alert]) -> ValueMetric:
    """An alert that is still open counts for as long as it is."""
    loud = [
        one
        for one in alerts
        if one.severity.rank >= Severity.HIGH.rank and window.begin <= one.raised_at < window.end
    ]
    ends: list[datetime] = [min(one.resolved_at or window.end, window.end) for one in loud]
    hours = [(end - one.raised_at).total_seconds() / HOUR_S for one, end in zip(loud, ends, strict=True)]
    found = median_time(hours, [one.resolved_at is not None for one in loud])
    return ValueMetric(
        name="recovery_time",
        title="time to recover",
        unit="hours",
        value=found.estimate,
        low=found.low,
        high=found.high,
        of=len(loud),
        over="alerts of severity high or critical",
        formula="median time from an alert to its end (Kaplan-Meier: open ones count as waiting)",
        because=found.because if loud else "no such alert was raised",
    )
