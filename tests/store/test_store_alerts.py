"""Alerts that survive a restart."""

from __future__ import annotations

from datetime import timedelta

import pytest
from release_material import NOW

from flywheel.errors import UnknownName
from flywheel.ports import AlertChannel
from flywheel.records.alert import Alert, Severity
from flywheel.store.alerts import SqlAlerts
from flywheel.store.open import SqlStore


def alert_of(number: int, subject: str = "triage/quality", workspace: str = "default") -> Alert:
    """One alert a minute."""
    return Alert(
        alert_id=f"a{number}",
        workspace=workspace,
        severity=Severity.HIGH,
        subject=subject,
        message="pass rate 0.71, target 0.95",
        raised_at=NOW + timedelta(minutes=number),
    )


def test_alerts_read_back_equal_newest_first(store: SqlStore) -> None:
    """What was sent is open, newest first; the same id again changes nothing."""
    channel: AlertChannel = store.alerts
    for number in (1, 2, 2):
        channel.send(alert_of(number))
    channel.send(alert_of(1, workspace="elsewhere"))
    assert store.alerts.open("default") == [alert_of(2), alert_of(1)]
    assert store.alerts.recent("default", 1) == [alert_of(2)]


def test_a_resolved_alert_is_no_longer_open(store: SqlStore) -> None:
    """Resolving keeps the first time, also when it is done again."""
    store.alerts.send(alert_of(1))
    resolved = store.alerts.resolve("default", "a1", NOW + timedelta(hours=1))
    assert store.alerts.resolve("default", "a1", NOW + timedelta(hours=2)) == resolved
    assert store.alerts.open("default") == []
    assert store.alerts.recent("default", 9) == [resolved]


def test_an_unknown_alert_is_named(store: SqlStore) -> None:
    """Resolving what is not there says so."""
    store.alerts.send(alert_of(1))
    with pytest.raises(UnknownName, match="'a1' in workspace 'elsewhere'"):
        store.alerts.resolve("elsewhere", "a1", NOW)


def test_the_last_alert_of_a_subject_is_found(store: SqlStore) -> None:
    """A cooldown asks for the newest alert about a subject, resolved or not."""
    for number in (1, 2):
        store.alerts.send(alert_of(number))
    store.alerts.send(alert_of(3, "triage/latency"))
    store.alerts.resolve("default", "a2", NOW)
    assert store.alerts.last("default", "triage/quality").alert_id == "a2"
    assert store.alerts.last("default", "nothing") is None


def test_the_oldest_resolved_alerts_go_first(store: SqlStore) -> None:
    """Beyond the limit resolved alerts are dropped, open ones are kept, other workspaces are left alone."""
    alerts = SqlAlerts(store.database, limit=3)
    alerts.send(alert_of(0, workspace="elsewhere"))
    alerts.resolve("elsewhere", "a0", NOW)
    for number in range(1, 4):
        alerts.send(alert_of(number))
    for number in (2, 3):
        alerts.resolve("default", f"a{number}", NOW)
    for number in range(4, 6):
        alerts.send(alert_of(number))
    assert [a.alert_id for a in alerts.recent("default", 9)] == ["a5", "a4", "a3", "a1"]
    assert len(alerts.recent("elsewhere", 9)) == 1
