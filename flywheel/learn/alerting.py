"""Whether an alert is told now: cooldown, repetition, escalation; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flywheel.records.alert import Alert, NoticeReason, Severity
from flywheel.records.alerting import AlertSettings

RISING_FROM = Severity.MEDIUM
"""Least severity that rises when nobody looks: nobody has to look at less."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What is to be kept of an alert, and told.

    Attributes:
        alert: as it is kept from now on.
        reason: why the channels are told, None where they are not.
    """

    alert: Alert
    reason: NoticeReason | None = None


def admitted(alert: Alert, known: Alert | None, settings: AlertSettings, now: datetime) -> Admission | None:
    """What becomes of an alert that is raised.

    Args:
        alert: as it was raised.
        known: the newest alert about its subject; None where there is none.
        settings: cooldown, escalation.
        now: the time.

    Returns:
        None where there is nothing to keep: the event was raised before, or lies below the least severity.

    Examples:
        >>> from datetime import UTC
        >>> noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
        >>> alert = Alert(alert_id="a", severity="high", subject="triage", message="failed", raised_at=noon)
        >>> first = admitted(alert, None, AlertSettings(), noon)
        >>> first.reason.value
        'raised'
        >>> second = alert.model_copy(update={"alert_id": "b"})
        >>> admitted(second, first.alert, AlertSettings(), noon + timedelta(minutes=1)).reason is None
        True
        >>> admitted(second, first.alert, AlertSettings(), noon + timedelta(minutes=15)).reason.value
        'again'
    """
    if alert.severity.rank < settings.least.rank:
        return None
    if known is not None and alert.alert_id in (known.alert_id, known.last_id):
        return None
    if known is None or not known.is_open:
        return _new(alert, known, settings, now)
    worst = max((known.first_severity or known.severity, alert.severity), key=lambda s: s.rank)
    raised = known.model_copy(
        update={
            "message": alert.message,
            "times": known.times + 1,
            "last_raised_at": alert.raised_at,
            "last_id": alert.alert_id,
            "first_severity": worst,
            "severity": max((known.severity, alert.severity), key=lambda s: s.rank),
        }
    )
    if _repeats(raised, settings):
        raised = raised.model_copy(update={"severity": raised.severity.risen})
    if _is_worse(raised):
        return told(raised, NoticeReason.RISEN, now, acknowledged_at=None, acknowledged_by=None)
    if raised.acknowledged_at is not None or not _is_over(raised, settings, now):
        return Admission(raised)
    return told(raised, NoticeReason.AGAIN, now)


def escalated(alert: Alert, settings: AlertSettings, now: datetime) -> Admission | None:
    """What becomes of an open alert nobody acknowledged for too long; None while it is not due.

    It rises once above what it was raised with, so that one event that nobody
    looks at does not end as critical by itself.

    Examples:
        >>> from datetime import UTC
        >>> noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
        >>> alert = Alert(alert_id="a", severity="high", subject="triage", message="failed", raised_at=noon)
        >>> escalated(alert, AlertSettings(), noon + timedelta(minutes=29)) is None
        True
        >>> escalated(alert, AlertSettings(), noon + timedelta(minutes=30)).alert.severity.value
        'critical'
    """
    waited = now - alert.raised_at >= timedelta(minutes=settings.escalate_after_minutes)
    if not settings.escalate_after_minutes or not waited or not _may_rise(alert):
        return None
    return told(alert.model_copy(update={"severity": alert.severity.risen}), NoticeReason.RISEN, now)


def told(alert: Alert, reason: NoticeReason, now: datetime, **changes: Any) -> Admission:  # noqa: ANN401
    """An alert that channels are asked to tell now, with further changes to it."""
    changed = {
        "told_at": now,
        "told_severity": alert.severity,
        "told_times": alert.told_times + 1,
        **changes,
    }
    return Admission(alert.model_copy(update=changed), reason)


def _new(alert: Alert, known: Alert | None, settings: AlertSettings, now: datetime) -> Admission:
    """A first alert about its subject, or the first since the last one was resolved."""
    # News has nothing that could be resolved.
    closed = alert.raised_at if alert.severity is Severity.INFO else alert.resolved_at
    kept = alert.model_copy(update={"resolved_at": closed, "first_severity": alert.severity})
    if known is None or known.told_at is None or known.told_severity is None:
        return told(kept, NoticeReason.RAISED, now)
    rests = now - known.told_at < timedelta(minutes=settings.cooldown_minutes)
    if rests and alert.severity.rank <= known.told_severity.rank:
        return Admission(
            kept.model_copy(update={"told_at": known.told_at, "told_severity": known.told_severity})
        )
    return told(kept, NoticeReason.RAISED, now)


def _may_rise(alert: Alert) -> bool:
    first = alert.first_severity or alert.severity
    untouched = alert.is_open and alert.acknowledged_at is None
    return (
        untouched
        and alert.severity is first
        and first.rank >= RISING_FROM.rank
        and first is not Severity.CRITICAL
    )


def _repeats(alert: Alert, settings: AlertSettings) -> bool:
    often = settings.escalate_after_times
    return bool(often) and alert.times >= often and _may_rise(alert)


def _is_worse(alert: Alert) -> bool:
    return alert.told_severity is not None and alert.severity.rank > alert.told_severity.rank


def _is_over(alert: Alert, settings: AlertSettings, now: datetime) -> bool:
    """Whether its cooldown has passed, which doubles with each notice."""
    if alert.told_at is None:
        return True
    cooldown = settings.cooldown_minutes
    doubled = cooldown * 2.0 ** min(max(0, alert.told_times - 1), 32)
    longest = max(cooldown, settings.longest_cooldown_minutes)
    return now - alert.told_at >= timedelta(minutes=min(doubled, longest))
