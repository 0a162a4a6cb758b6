"""The alerting system on real stores: kept, told, taken on, cleaned."""

from __future__ import annotations

import socket
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from alert_world import NOON, HandClock, alert, lines_of

from flywheel.errors import ServiceUnavailable, UnknownName
from flywheel.records.alert import Alert, NoticeState, Severity
from flywheel.records.alerting import AlertSettings
from flywheel.store.open import SqlStore, open_store
from flywheel.watch.alerting import AutomatedAlertingSystem, resolve_subjects
from flywheel.watch.email_channel import EmailChannel
from flywheel.watch.file_channel import FileChannel
from flywheel.watch.routes import Route
from flywheel.watch.webhook import WebhookChannel

sys.path.insert(0, str(Path(__file__).parents[1]))

from planted_secrets import planted, secret_part

pytestmark = pytest.mark.integration


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The file of the channel `log`."""
    return tmp_path / "alerts.jsonl"


@pytest.fixture
def clock() -> HandClock:
    """Noon, until it is set."""
    return HandClock()


def system_of(
    store: SqlStore, log: Path, clock: HandClock, *others: Route, **settings: object
) -> AutomatedAlertingSystem:
    """A system with a file, and other channels beside it."""
    routes = (Route("log", FileChannel(log)), *others)
    return AutomatedAlertingSystem(store, routes, AlertSettings(**settings), clock)


def test_a_cooldown_survives_a_restart(
    store: SqlStore, store_address: str, log: Path, clock: HandClock
) -> None:
    """Another process with the same store knows what was told, and tells again when the time is over."""
    system_of(store, log, clock).raise_alerts([alert("a1")])
    again = open_store(store_address)
    clock.later(14)
    system_of(again, log, clock).raise_alerts([alert("a2")])
    assert len(lines_of(log)) == 1
    clock.later(1)
    system_of(again, log, clock).raise_alerts([alert("a3")])
    assert [line["times"] for line in lines_of(log)] == [1, 3]
    assert open_store(store_address).alerts.open("default")[0].times == 3
    again.close()


def test_what_nobody_acknowledged_goes_to_those_above(
    store: SqlStore, log: Path, tmp_path: Path, clock: HandClock
) -> None:
    """After half an hour the channel of the next severity hears of it, once."""
    boss = Route("boss", FileChannel(tmp_path / "boss.jsonl"), Severity.CRITICAL)
    system = system_of(store, log, clock, boss)
    system.raise_alerts([alert("a1"), alert("a2", "medium", "other: cycle")])
    system.acknowledge("default", "a2", "ann")
    clock.later(30)
    for _ in range(2):
        system.tend("default")
    assert [(line["alert_id"], line["severity"]) for line in lines_of(tmp_path / "boss.jsonl")] == [
        ("a1", "critical")
    ]
    assert len(lines_of(log)) == 3


def test_a_channel_that_is_dead_stops_nobody(store: SqlStore, log: Path, clock: HandClock) -> None:
    """The others are told; what failed is said, kept, and tried again after a pause."""
    dead = Route("dead", WebhookChannel("http://127.0.0.1:1/hunter2"))
    told = system_of(store, log, clock, dead).raise_alerts([alert("a1")])
    assert [(one.channel, one.state) for one in told.sent] == [
        ("log", NoticeState.DELIVERED),
        ("dead", NoticeState.FAILED),
    ]
    assert "1 alert not delivered through 'dead'" in told.problems()[0]
    assert "hunter2" not in told.problems()[0]
    (kept,) = store.notices.not_delivered("default")
    assert (kept.channel, kept.tries) == ("dead", 1)
    assert store.notices.take("default", ["dead"]) == []
    with store.database.write() as connection:
        connection.exec_driver_sql("UPDATE alert_notice SET intent_us = intent_us - 61000000")
    assert [notice.number for notice in store.notices.take("default", ["dead"])] == [kept.number]


def test_a_channel_that_hangs_holds_nobody_up(store: SqlStore, log: Path, clock: HandClock) -> None:
    """A server that never answers is left at the deadline, and nobody claims that it arrived."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mail = EmailChannel("127.0.0.1", silent.getsockname()[1], "a@example.com", ("b@example.com",), "none")
        system = system_of(store, log, clock, Route("mail", mail), deadline_s=4)
        told = system.raise_alerts([alert("a1"), alert("a2", subject="other")])
    states = {(one.alert_id, one.channel): one.state for one in told.sent}
    assert states["a1", "mail"] is NoticeState.UNKNOWN
    assert states["a2", "mail"] is NoticeState.WAITING
    assert [line["alert_id"] for line in lines_of(log)] == ["a1", "a2"]


def test_a_flood_is_one_message(store: SqlStore, log: Path, tmp_path: Path, clock: HandClock) -> None:
    """Four alerts at one moment are one message where a person reads, and four lines where a program does."""
    person = Route("person", FileChannel(tmp_path / "person.jsonl"), joins=True)
    alerts = [
        alert(f"a{n}", severity, f"p{n}: cycle") for n, severity in enumerate(("low", "high", "low", "low"))
    ]
    told = system_of(store, log, clock, person).raise_alerts(alerts)
    (line,) = lines_of(tmp_path / "person.jsonl")
    assert (line["severity"], line["subject"]) == ("high", "4 alerts, the worst about p1: cycle")
    assert len(lines_of(log)) == 4
    assert told.failures == ()


def test_what_is_private_leaves_nowhere(store: SqlStore, log: Path, clock: HandClock) -> None:
    """Secrets planted into subjects and messages are neither in the store nor in a channel."""
    system = system_of(store, log, clock)
    secrets = list(planted(42))
    system.raise_alerts(
        [
            alert(f"a{n}", message=f"The cycle failed: {one.text}", subject=f"p{n} {one.value}"[:300])
            for n, one in enumerate(secrets)
        ]
    )
    kept = " ".join(f"{a.subject} {a.message}" for a in store.alerts.recent("default", 99)) + log.read_text()
    assert len(store.alerts.recent("default", 99)) == 42
    assert [one.kind for one in secrets if secret_part(one.value) in kept] == []


def test_where_the_store_is_away_people_hear_of_it(tmp_path: Path, log: Path, clock: HandClock) -> None:
    """A store that cannot be written keeps nothing, and the channels are told all the same."""
    address = tmp_path / "gone" / "flywheel.db"
    store = open_store(str(address))
    store.close()
    for file in address.parent.iterdir():
        file.unlink()
    address.mkdir()
    told = system_of(store, log, clock).raise_alerts([alert("a1", message="password=hunter2hunter2")])
    assert "Alerts are not kept" in told.problems()[0]
    assert [line["alert_id"] for line in lines_of(log)] == ["a1"]
    assert "hunter2" not in log.read_text()


def test_what_is_over_is_not_told_any_more(store: SqlStore, log: Path, clock: HandClock) -> None:
    """Resolving drops what still waits; subjects that are over are resolved by name."""
    system = AutomatedAlertingSystem(store, (Route("away", _Away()),), clock=clock)
    system.raise_alerts([alert("a1"), alert("a2", subject="other")])
    assert resolve_subjects(system, "default", {"triage: cycle"}) == 1
    assert [a.alert_id for a in store.alerts.open("default")] == ["a2"]
    assert store.notices.of_alert("default", "a1")[0].state is NoticeState.DROPPED
    with pytest.raises(UnknownName, match="No alert 'a9'"):
        system.resolve("default", "a9")


def test_the_oldest_go_with_their_notices(store: SqlStore, log: Path, clock: HandClock) -> None:
    """Beyond the limit an alert takes its notices along; those of others stay."""
    store.alerts._limit = 2
    system = system_of(store, log, clock)
    for number in range(4):
        system.raise_alerts(
            [alert(f"a{number}", "info", f"s{number}", raised_at=NOON + timedelta(minutes=number))]
        )
    assert [a.alert_id for a in store.alerts.recent("default", 9)] == ["a3", "a2"]
    assert [len(store.notices.of_alert("default", f"a{number}")) for number in range(4)] == [0, 0, 1, 1]


def test_workspaces_do_not_meet(store: SqlStore, log: Path, clock: HandClock) -> None:
    """One subject in two workspaces is two alerts, each told."""
    system_of(store, log, clock).raise_alerts([alert("a1"), alert("a1", workspace="team")])
    assert {line["workspace"] for line in lines_of(log)} == {"default", "team"}


class _Away:
    """A channel whose server nobody started."""

    def send(self, alert: Alert) -> None:
        """Fail."""
        raise ServiceUnavailable(f"nobody listens for {alert.alert_id}")
