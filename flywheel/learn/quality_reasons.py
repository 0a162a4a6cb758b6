"""What of a reading is worth an alert, in words."""

from __future__ import annotations

from flywheel.records.alert import Severity
from flywheel.records.quality import (
    DetectorState,
    QualityLevel,
    QualityReading,
    QualitySettings,
)

SEVERITIES = {
    QualityLevel.CRITICAL: Severity.HIGH,
    QualityLevel.WARNING: Severity.MEDIUM,
    QualityLevel.BELOW_TARGET: Severity.LOW,
}
"""Of a level alone: a stream that never was better is no emergency."""


def judged(reading: QualityReading, settings: QualitySettings) -> QualityReading:
    """The reading with the severity of the alert it is worth, and a reason for each evaluator that fired.

    Examples:
        >>> from flywheel.records.quality import QualityTrend
        >>> trend = QualityTrend(slope_per_day=-0.01, p_value=0.0001, days=14, crosses="target", in_days=2)
        >>> found = judged(QualityReading(trend=trend), QualitySettings())
        >>> found.severity.value, found.reasons[0].partition(":")[0]
        ('medium', 'trend')
    """
    parts = [_fall(reading), _level(reading, settings), _trend(reading, settings), _silence(reading)]
    fired = [part for part in parts if part is not None]
    if not fired:
        return reading
    severity = max((severity for severity, _ in fired), key=lambda one: one.rank)
    return reading.model_copy(update={"severity": severity, "reasons": tuple(words for _, words in fired)})


def _fall(reading: QualityReading) -> tuple[Severity, str] | None:
    fall = reading.fall
    if fall.state is not DetectorState.FALLEN or fall.began_at is None or fall.shown_at is None:
        return None
    critical = reading.level is QualityLevel.CRITICAL
    words = (
        f"fall: {_share(fall.fallen_to)} since about {fall.began_at:%Y-%m-%d %H:%M} UTC, "
        f"{_share(fall.reference)} before on {fall.executions:,} executions; "
        f"shown on {fall.shown_at:%Y-%m-%d %H:%M} UTC"
    )
    return (Severity.CRITICAL if critical else Severity.HIGH), words


def _level(reading: QualityReading, settings: QualitySettings) -> tuple[Severity, str] | None:
    severity = SEVERITIES.get(reading.level)
    if severity is None:
        return None
    levels = settings.levels
    edge, chance = {
        QualityLevel.CRITICAL: (levels.critical, reading.below_critical),
        QualityLevel.WARNING: (levels.warning, reading.below_warning),
        QualityLevel.BELOW_TARGET: (levels.target, reading.below_target),
    }[reading.level]
    words = (
        f"level: {_share(reading.rate)} of {reading.scored:,} in {settings.window_days} days, "
        f"below {100 * edge:g} % with a chance of {_chance(chance)}"
    )
    return severity, words


def _trend(reading: QualityReading, settings: QualitySettings) -> tuple[Severity, str] | None:
    trend = reading.trend
    if trend.crosses is None or trend.slope_per_day is None or trend.in_days is None:
        return None
    edge = float(getattr(settings.levels, trend.crosses))
    words = (
        f"trend: {100 * trend.slope_per_day:+.2f} points a day over {trend.days} days, "
        f"reaches {100 * edge:g} % in {trend.in_days:.1f} days"
    )
    return Severity.MEDIUM, words


def _silence(reading: QualityReading) -> tuple[Severity, str] | None:
    if reading.silent_since is None:
        return None
    return Severity.MEDIUM, f"no data: nothing since {reading.silent_since:%Y-%m-%d %H:%M} UTC"


def _share(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.1f} %"


def _chance(chance: float | None) -> str:
    if chance is None:
        return "unknown"
    return "over 99.9 %" if chance > 0.999 else f"{100 * chance:.1f} %"
