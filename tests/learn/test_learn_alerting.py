"""When an alert is told, and how it rises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flywheel.learn.alerting import Admission, admitted, escalated
from flywheel.records.alert import Alert, NoticeReason, Severity
from flywheel.records.alerting import AlertSettings

pytestmark = pytest.mark.unit

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CALM = AlertSettings(escalate_after_times=0, escalate_after_minutes=0)


def raised(number: int, severity: str = "high") -> Alert:
    """One event about one subject."""
    return Alert(alert_id=f"a{number}", severity=severity, subject="s", message=f"m{number}", raised_at=NOON)


def run(minutes: list[float], severity: str = "high", settings: AlertSettings = CALM) -> list[Admission]:
    """What becomes of a subject that is raised at these minutes."""
    known, admissions = None, []
    for number, minute in enumerate(minutes):
        admission = admitted(raised(number, severity), known, settings, NOON + timedelta(minutes=minute))
        assert admission is not None
        known = admission.alert
        admissions.append(admission)
    return admissions


def test_a_cooldown_passes_and_doubles() -> None:
    """Raised every minute for a day it is told after 0, 15, 45, 105, 225, then every 240 minutes."""
    told = [minute for minute, a in enumerate(run(list(range(24 * 60)))) if a.reason is not None]
    assert told == [0, 15, 45, 105, 225, 465, 705, 945, 1185, 1425]


def test_one_subject_is_one_alert() -> None:
    """The first id and time stay, the newest message stands, every raising counts."""
    last = run([0, 1, 20])[-1].alert
    assert (last.alert_id, last.message, last.times, last.raised_at) == ("a0", "m2", 3, NOON)


def test_the_same_event_counts_once() -> None:
    """The first event and the newest one are known again."""
    known = run([0, 1])[-1].alert
    for number in (0, 1):
        assert admitted(raised(number), known, CALM, NOON + timedelta(hours=9)) is None


def test_worse_is_told_at_once() -> None:
    """A higher severity does not wait for the cooldown; a lower one does not make it better."""
    known = run([0], "medium")[0].alert
    worse = admitted(raised(1, "critical"), known, CALM, NOON + timedelta(minutes=1))
    assert (worse.reason, worse.alert.severity) == (NoticeReason.RISEN, Severity.CRITICAL)
    better = admitted(raised(2, "low"), worse.alert, CALM, NOON + timedelta(minutes=2))
    assert (better.reason, better.alert.severity) == (None, Severity.CRITICAL)


def test_resolving_does_not_end_a_cooldown() -> None:
    """A subject that comes and goes is told once in 15 minutes, with an alert for each time."""
    over = run([0])[0].alert.model_copy(update={"resolved_at": NOON + timedelta(minutes=1)})
    soon = admitted(raised(1), over, CALM, NOON + timedelta(minutes=5))
    assert (soon.reason, soon.alert.alert_id) == (None, "a1")
    late = admitted(raised(2), soon.alert, CALM, NOON + timedelta(minutes=15))
    assert late.reason is NoticeReason.AGAIN


def test_who_took_it_on_is_left_alone_until_it_gets_worse() -> None:
    """Acknowledged, it is counted and not told; a higher severity needs a person again."""
    mine = run([0])[0].alert.model_copy(update={"acknowledged_at": NOON, "acknowledged_by": "ann"})
    quiet = admitted(raised(1), mine, AlertSettings(), NOON + timedelta(hours=9))
    assert (quiet.reason, quiet.alert.times) == (None, 2)
    assert escalated(quiet.alert, AlertSettings(), NOON + timedelta(days=9)) is None
    worse = admitted(raised(2, "critical"), quiet.alert, AlertSettings(), NOON + timedelta(hours=10))
    assert (worse.reason, worse.alert.acknowledged_by) == (NoticeReason.RISEN, None)


@pytest.mark.parametrize(
    ("severity", "risen"), [("critical", None), ("high", "critical"), ("medium", "high"), ("low", None)]
)
def test_what_nobody_looks_at_rises_once(severity: str, risen: str | None) -> None:
    """After 30 minutes, from medium up, one severity, however long it lasts."""
    known, now = run([0], severity)[0].alert, NOON + timedelta(minutes=30)
    assert escalated(known, AlertSettings(), now - timedelta(seconds=1)) is None
    first = escalated(known, AlertSettings(), now)
    assert (first.alert.severity.value if first else None) == risen
    if first is not None:
        assert first.reason is NoticeReason.RISEN
        assert escalated(first.alert, AlertSettings(), now + timedelta(days=1)) is None


def test_what_repeats_rises_once() -> None:
    """The third raising lifts it, the fourth does not lift it further."""
    settings = AlertSettings(escalate_after_minutes=0)
    admissions = run([0, 1, 2, 3, 4, 5], "medium", settings)
    assert [a.alert.severity.value for a in admissions] == ["medium"] * 2 + ["high"] * 4
    assert [a.reason for a in admissions][2] is NoticeReason.RISEN


def test_news_is_never_open() -> None:
    """An alert of severity info is told and over, so that nothing waits for a person."""
    (news,) = run([0], "info")
    assert (news.reason, news.alert.resolved_at) == (NoticeReason.RAISED, NOON)


def test_what_is_less_than_the_least_is_not_raised() -> None:
    """Settings decide what a person must know."""
    assert admitted(raised(0, "low"), None, AlertSettings(least="medium"), NOON) is None
