"""Readings of quality become alerts, or the end of alerts."""

from __future__ import annotations

import hashlib
import shlex

from flywheel.learn.counting import count_of
from flywheel.learn.quality_parts import holds, speaking
from flywheel.records.alert import Alert, Severity, quality_subject
from flywheel.records.quality import QualityLevel, QualityReading, QualityReport
from flywheel.watch.news import News

MOST_NAMED = 3
"""Parts an alert about the whole names."""

SURELY_OVER = 0.5
"""Chance of being below the target under which an alert is over; in between it is left as it is."""


def quality_news(report: QualityReport) -> News:
    """What a report has to tell, what is over.

    One alert speaks for streams that say the same, see `speaking`. The id of an alert follows from its
    stream, its severity, and the day of the newest execution: looked at again it is
    the same event, and what lasts is raised once a day.

    Examples:
        >>> from datetime import UTC, datetime
        >>> reading = QualityReading(prompt="triage", severity="high", reasons=("fall: from 95 % to 80 %",))
        >>> report = QualityReport(read_at=datetime(2026, 3, 1, tzinfo=UTC), readings=(reading,))
        >>> [(alert.severity.value, alert.subject) for alert in quality_news(report).alerts]
        [('high', 'triage: quality')]
    """
    loud = speaking(report.readings, report.settings)
    alerts = tuple(_alert(one, one.severity, report) for one in loud if one.severity is not None)
    about = measure_words(report)
    over = tuple((report.workspace, stream_subject(one, about)) for one in report.readings if _is_over(one))
    return News(alerts, over)


def measure_words(report: QualityReport) -> str:
    """What the alerts of a report are about: quality, or one of the further measures."""
    measure = report.settings.measure
    return "quality" if measure in ("pass rate", "score") else measure


def stream_subject(reading: QualityReading, about: str = "quality") -> str:
    """What an alert about a stream is about; it stays the same.

    Args:
        reading: of the stream.
        about: as in `measure_words`.

    Examples:
        >>> stream_subject(QualityReading(prompt="triage", slice="billing"))
        'triage: quality in billing'
        >>> stream_subject(QualityReading(prompt="triage", model="m"))
        'triage: quality on m'
    """
    words = [f"in {reading.slice[:90]}"] if reading.slice is not None else []
    words += [f"on {reading.model[:90]}"] if reading.model is not None else []
    return quality_subject(reading.prompt, " ".join(words), about)


def _is_over(reading: QualityReading) -> bool:
    known = reading.severity is None and reading.level is not QualityLevel.UNKNOWN
    return known and reading.below_target is not None and reading.below_target < SURELY_OVER


def _alert(reading: QualityReading, severity: Severity, report: QualityReport) -> Alert:
    """One alert, with the worst of the parts it speaks for."""
    subject = stream_subject(reading, measure_words(report))
    inside = [one for one in report.readings if one.severity is not None and holds(reading, one)]
    inside.sort(key=lambda one: (1.0 if one.rate is None else one.rate, one.name))
    parts = ", ".join(f"{one.name} {_rate(one)}" for one in inside[:MOST_NAMED])
    more = f" and {len(inside) - MOST_NAMED} more" if len(inside) > MOST_NAMED else ""
    message = "; ".join((*reading.reasons, *_measured(reading, report)))
    message += f". Worst: {parts}{more}" if inside else ""
    if report.detectors:
        streams = count_of(report.detectors, "stream")
        message += f". False falls: at most 1 in {report.settings.false_alarm_days:g} days over {streams}"
    message += f". See: flywheel watch --once{_options(reading, report)}"
    day = f"{reading.last_at or report.read_at:%Y-%m-%d}"
    parts_of_id = "\0".join((report.workspace, subject, severity.value, day))
    return Alert(
        alert_id=hashlib.blake2b(parts_of_id.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest(),
        workspace=report.workspace,
        severity=severity,
        subject=subject,
        message=message,
        raised_at=report.read_at,
    )


def _measured(reading: QualityReading, report: QualityReport) -> list[str]:
    """What the shares of a further measure stand for."""
    settings = report.settings
    if settings.measure == "satisfaction" and reading.rate is not None:
        return [f"mean rating {1 + 4 * reading.rate:.2f} of 5"]
    if settings.measure == "response time" and reading.p95_ms is not None:
        return [f"95 % answer within {reading.p95_ms:,.0f} ms, the target is {settings.response_ms:,.0f} ms"]
    return []


def _options(reading: QualityReading, report: QualityReport) -> str:
    given = (("--prompt", reading.prompt), ("--workspace", report.workspace))
    return "".join(
        f" {name} {shlex.quote(value)}"
        for name, value in given
        if value is not None and (name, value) != ("--workspace", "default")
    )


def _rate(reading: QualityReading) -> str:
    return "unknown" if reading.rate is None else f"{100 * reading.rate:.1f} %"
