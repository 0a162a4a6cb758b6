"""One number for how the flywheel is, with what holds it down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from flywheel.records.alert import Alert, Severity
from flywheel.records.value import ValueMetric, ValuePart
from flywheel.records.value_evidence import PastCycle, ValueColumns
from flywheel.stats.proportions import Counts, wilson

HEALTH = "health of the flywheel"
"""Subject of the alert on the health, which takes no part in the health."""

LEAST_HEALTH = 0.6
"""Below it an alert is raised."""

WEIGHTS = {"quality": 0.40, "alerts": 0.20, "calibration": 0.15, "freshness": 0.15, "pipeline": 0.10}

LEAST_KNOWN = 0.6
"""Weight of the parts that must be known."""

QUALITY_TARGET = 0.95
RECENT_DAYS = 7
LEAST_EXECUTIONS = 10
LEAST_CONFIDENCES = 30
WORST_GAP = 0.2
"""Distance of mean confidence from pass rate at which calibration is worth nothing."""

BURDEN = {Severity.CRITICAL: 1.0, Severity.HIGH: 0.5, Severity.MEDIUM: 0.2, Severity.LOW: 0.05}
"""What one open alert takes off; information takes nothing."""

CAPS = {Severity.CRITICAL: 0.59, Severity.HIGH: 0.79}
"""Most that the health can be while such an alert is open."""

DAY_S = 86_400.0


def health_score(
    columns: ValueColumns, cycles: Sequence[PastCycle], alerts: Sequence[Alert], now: datetime
) -> ValueMetric:
    """Health in [0, 1]: a weighted mean of the parts that are known, capped by open alerts.

    It depends on rates and ages, not on how many runs there are; the range is that of the pass rate.

    Args:
        columns: executions.
        cycles: of the window.
        alerts: open or resolved.
        now: the time.
    """
    open_alerts = [one for one in alerts if one.resolved_at is None and one.subject != HEALTH]
    recent = columns.moment >= now.timestamp() - RECENT_DAYS * DAY_S
    quality = _quality(columns, recent)
    parts = (
        quality,
        _burden(open_alerts),
        _calibration(columns, recent),
        _freshness(columns, now),
        _pipeline(cycles),
    )
    known = [one for one in parts if one.value is not None]
    weight = sum(one.weight or 0.0 for one in known)
    cap, because = _cap(open_alerts)
    if quality.value is None or weight < LEAST_KNOWN:
        missing = "; ".join(f"{one.name}: {one.because}" for one in parts if one.value is None)
        return _metric(None, None, None, parts, int(recent.sum()), missing)

    def score(of_quality: float | None) -> float:
        values = [of_quality if one is quality else one.value for one in known]
        total = sum((one.weight or 0.0) * (value or 0.0) for one, value in zip(known, values, strict=True))
        return min(cap, total / weight)

    return _metric(
        score(quality.value), score(quality.low), score(quality.high), parts, int(recent.sum()), because
    )


def _metric(
    value: float | None,
    low: float | None,
    high: float | None,
    parts: tuple[ValuePart, ...],
    count: int,
    because: str,
) -> ValueMetric:
    weights = " + ".join(f"{weight:.2f} {name}" for name, weight in WEIGHTS.items())
    return ValueMetric(
        name="health_score",
        title="health",
        unit="share",
        value=value,
        low=low,
        high=high,
        of=count,
        over=f"executions of {RECENT_DAYS} days",
        formula=f"{weights}, over those that are known; at most {CAPS[Severity.CRITICAL]} with an open "
        f"critical alert, {CAPS[Severity.HIGH]} with a high one",
        because=because,
        parts=parts,
    )


def _quality(columns: ValueColumns, recent: np.ndarray) -> ValuePart:
    count = int(recent.sum())
    if count < LEAST_EXECUTIONS:
        why = f"{count} scored executions in {RECENT_DAYS} days; {LEAST_EXECUTIONS} are needed"
        return ValuePart(name="quality", weight=WEIGHTS["quality"], because=why)
    found = wilson(Counts(round(float(columns.passed[recent].sum())), count))
    ends = [min(1.0, (end or 0.0) / QUALITY_TARGET) for end in (found.estimate, found.low, found.high)]
    words = f"pass rate {100 * (found.estimate or 0.0):.1f} % of a target of {100 * QUALITY_TARGET:.0f} %"
    return ValuePart(
        name="quality", value=ends[0], low=ends[1], high=ends[2], weight=WEIGHTS["quality"], because=words
    )


def _burden(open_alerts: Sequence[Alert]) -> ValuePart:
    taken = sum(BURDEN.get(one.severity, 0.0) for one in open_alerts)
    return ValuePart(
        name="alerts",
        value=max(0.0, 1.0 - taken),
        weight=WEIGHTS["alerts"],
        because=f"{len(open_alerts)} open",
    )


def _calibration(columns: ValueColumns, recent: np.ndarray) -> ValuePart:
    chosen = recent & ~np.isnan(columns.confidence)
    count = int(chosen.sum())
    if count < LEAST_CONFIDENCES:
        why = f"{count} executions with a confidence; {LEAST_CONFIDENCES} are needed"
        return ValuePart(name="calibration", weight=WEIGHTS["calibration"], because=why)
    gap = float((columns.confidence[chosen] - columns.passed[chosen]).mean())
    return ValuePart(
        name="calibration",
        value=max(0.0, 1.0 - abs(gap) / WORST_GAP),
        weight=WEIGHTS["calibration"],
        because=f"confidence is {100 * gap:+.1f} points off",
    )


def _freshness(columns: ValueColumns, now: datetime) -> ValuePart:
    """All of it up to a day, nothing from a week on."""
    if not len(columns):
        return ValuePart(name="freshness", weight=WEIGHTS["freshness"], because="no execution")
    age = max(0.0, (now.timestamp() - float(columns.moment.max())) / DAY_S)
    return ValuePart(
        name="freshness",
        value=min(1.0, max(0.0, (RECENT_DAYS - age) / (RECENT_DAYS - 1))),
        weight=WEIGHTS["freshness"],
        because=f"the newest execution is {age:.1f} days old",
    )


def _pipeline(cycles: Sequence[PastCycle]) -> ValuePart:
    ended = [one for one in cycles if one.status != "running"]
    if not ended:
        return ValuePart(name="pipeline", weight=WEIGHTS["pipeline"], because="no cycle ended in the window")
    good = sum(one.status != "failed" for one in ended)
    return ValuePart(
        name="pipeline",
        value=good / len(ended),
        weight=WEIGHTS["pipeline"],
        because=f"{good} of {len(ended)} cycles did not fail",
    )


def _cap(open_alerts: Sequence[Alert]) -> tuple[float, str]:
    worst = max((one.severity for one in open_alerts), key=lambda one: one.rank, default=None)
    if worst not in CAPS:
        return 1.0, ""
    return CAPS[worst], f"at most {CAPS[worst]} while an alert of severity {worst.value} is open"
