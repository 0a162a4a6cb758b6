"""Quality from stored executions to alerts, on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from alert_world import HandClock, lines_of
from quality_world import day, executions, stream

from flywheel.cli.prompt_keeping import keep_version, version_of
from flywheel.records.alert import Severity
from flywheel.records.alerting import AlertSettings
from flywheel.records.quality import QualityReading, QualityReport, QualitySettings
from flywheel.store.open import SqlStore
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.file_channel import FileChannel
from flywheel.watch.quality import QualityThresholdMonitor
from flywheel.watch.quality_news import quality_news
from flywheel.watch.routes import Route

FALL = np.repeat([0.97, 0.75], [35, 5])


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the file channel writes."""
    return tmp_path / "alerts.jsonl"


def monitor_of(store: SqlStore, log: Path, at: float) -> QualityThresholdMonitor:
    """A monitor that tells a file, at a moment."""
    route = Route("log", FileChannel(log), Severity.LOW)
    system = AutomatedAlertingSystem(store, (route,), AlertSettings(), HandClock(day(at)))
    return QualityThresholdMonitor(system)


def test_a_fall_is_told_once(store: SqlStore, log: Path) -> None:
    """Looked at again over the same executions: the same report, no second alert, no second line."""
    store.executions.write(executions(stream(FALL, per_day=60)))
    monitor = monitor_of(store, log, 40)

    first, told = monitor.check()
    second, again = monitor.check()

    assert first == second
    assert [(one.subject, one.severity) for one in told.alerts] == [("p: quality", "critical")]
    assert (again.alerts, again.sent) == ((), ())
    assert len(lines_of(log)) == 1
    assert "fall: " in lines_of(log)[0]["message"]
    assert (
        "at most 1 in 1000 days over 1 stream. See: flywheel watch --once --prompt p"
        in lines_of(log)[0]["message"]
    )


def test_what_lasts_is_raised_once_a_day(store: SqlStore, log: Path) -> None:
    """Looks every three hours with new executions between: one event a day, the alert counts them."""
    store.executions.write(executions(stream(np.repeat([0.97, 0.6], [30, 10]), per_day=60)))
    for at in np.arange(38.25, 40.0, 1 / 8):
        monitor_of(store, log, float(at)).check()

    (alert,) = store.alerts.open("default")
    assert alert.times == 2


def test_a_recovery_resolves_the_alert(store: SqlStore, log: Path) -> None:
    """Well again for a week: nothing is open any more."""
    rates = np.repeat([0.99, 0.75, 0.99], [35, 3, 12])
    store.executions.write(executions(stream(rates, per_day=100)))
    monitor_of(store, log, 38).check()
    assert [one.subject for one in store.alerts.open("default")] == ["p: quality"]

    report, _ = monitor_of(store, log, 50).check()

    assert report.readings[0].fall.state == "recovered"
    assert store.alerts.open("default") == []


def test_one_bad_cell_is_one_alert(store: SqlStore, log: Path) -> None:
    """Its row, its column and the whole are worse because of it, and say nothing of their own."""
    rates = np.full((40, 4), 0.97)
    rates[35:, 3] = 0.4
    store.executions.write(executions(stream(rates, per_day=120, grid=(2, 2))))

    report, told = monitor_of(store, log, 40).check()

    assert sum(1 for one in report.readings if one.severity) >= 3
    assert [one.subject for one in told.alerts] == ["p: quality in s1 on m1"]


def test_a_fall_of_everything_is_one_alert() -> None:
    """The whole speaks for its parts, and names the worst of them."""
    report = QualityReport(
        read_at=day(0),
        readings=(
            reading(None, "high", 0.7),
            reading("a", "high", 0.6),
            reading("b", "medium", 0.8),
        ),
    )

    (alert,) = quality_news(report).alerts
    assert alert.subject == "p: quality"
    assert "Worst: p in a 60.0 %, p in b 80.0 %" in alert.message


def reading(part: str | None, severity: str, rate: float) -> QualityReading:
    """One that fired."""
    return QualityReading(
        prompt="p", slice=part, scored=1_000 if part is None else 300, rate=rate, level="critical",
        severity=severity, reasons=("level: low",),
    )  # fmt: skip


def test_in_between_an_alert_is_left_as_it_is() -> None:
    """Neither shown to be bad nor likely to be well: nothing is raised, nothing resolved."""
    for below, over in ((0.7, ()), (0.3, (("default", "p: quality"),))):
        calm = QualityReading(prompt="p", level="unclear", below_target=below)
        news = quality_news(QualityReport(read_at=day(0), readings=(calm,)))
        assert (news.alerts, news.over) == ((), over)
    unknown = QualityReading(prompt="p", because="too few")
    assert quality_news(QualityReport(read_at=day(0), readings=(unknown,))).over == ()


def test_silence_is_told(store: SqlStore, log: Path) -> None:
    """A stream that came every hour and stopped two days ago."""
    store.executions.write(executions(stream(np.full(20, 0.99), per_day=48)))

    _, told = monitor_of(store, log, 22).check()

    assert [(one.severity, one.subject) for one in told.alerts] == [("medium", "p: quality")]
    assert told.alerts[0].message.startswith("no data: nothing since 2026-01-20")


def test_experiments_and_candidates_are_not_watched(store: SqlStore, log: Path) -> None:
    """With a live version only it is watched; executions of experiments never are."""
    keep_version(store, version_of("default", "p", "One word: {q}", ["v1"]), live=True)
    good, bad = stream(np.full(10, 1.0), per_day=20), stream(np.full(10, 0.0), per_day=20, seed=1)
    store.executions.write(executions(good, version="v1"))
    store.executions.write(executions(bad, version="v2"))
    store.executions.write(executions(stream(np.full(10, 0.0), per_day=20, seed=2), source="experiment"))

    (found,) = monitor_of(store, log, 10).read().readings

    assert (found.scored, found.rate) == (140, 1.0)


def test_workspaces_are_apart(store: SqlStore, log: Path) -> None:
    """What is bad in one is not seen from another."""
    store.executions.write(executions(stream(np.full(10, 0.2), per_day=20), workspace="team"))
    monitor = monitor_of(store, log, 10)

    assert monitor.read().readings == ()
    assert QualityThresholdMonitor(monitor.system, QualitySettings(), "team").read().degraded


def test_open_alerts_rise_while_nothing_new_is_raised(store: SqlStore, log: Path) -> None:
    """A look over the same executions half an hour later lets an alert rise that nobody took on."""
    store.executions.write(executions(stream(np.repeat([0.97, 0.885], [35, 5]), per_day=200)))
    monitor = monitor_of(store, log, 40)
    report, _ = monitor.check()
    before = store.alerts.open("default")[0].severity

    monitor.system.clock.at += timedelta(minutes=31)
    monitor.tell(report)

    assert (before, store.alerts.open("default")[0].severity) == ("high", "critical")
