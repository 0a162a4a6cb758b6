"""Alerts over processes: killed ones, two at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alert_world import lines_of

from flywheel.records.alert import NoticeState
from flywheel.store.open import SqlStore
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.file_channel import FileChannel
from flywheel.watch.routes import Route

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).with_name("alerting_process.py")


def start(address: str, path: Path, alert_id: str, what: str) -> subprocess.Popen[str]:
    """A process of its own."""
    words = [sys.executable, str(SCRIPT), address, str(path), alert_id, what]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def next_process(store: SqlStore, path: Path) -> AutomatedAlertingSystem:
    """What comes afterwards, on the same store."""
    return AutomatedAlertingSystem(store, (Route("log", FileChannel(path)),))


def test_killed_before_it_was_told_it_is_told_by_the_next(
    store: SqlStore, store_address: str, tmp_path: Path
) -> None:
    """What was kept and not begun is delivered once, by whoever comes next."""
    path = tmp_path / "alerts.jsonl"
    assert start(store_address, path, "a1", "kept").wait() == -9
    assert lines_of(path) == []
    for _ in range(2):
        next_process(store, path).tend("default")
    assert [line["alert_id"] for line in lines_of(path)] == ["a1"]
    assert [notice.state for notice in store.notices.of_alert("default", "a1")] == [NoticeState.DELIVERED]


def test_killed_while_it_was_told_it_says_that_nobody_knows(
    store: SqlStore, store_address: str, tmp_path: Path
) -> None:
    """It is never sent twice, and the notice says that it may or may not have arrived."""
    path = tmp_path / "alerts.jsonl"
    assert start(store_address, path, "a1", "sent").wait() == -9
    next_process(store, path).tend("default")
    (notice,) = store.notices.of_alert("default", "a1")
    assert notice.state is NoticeState.UNKNOWN
    assert "may or may not have arrived" in notice.error
    assert len(lines_of(path)) == 1


def test_two_that_raise_one_subject_at_once_tell_it_once(
    store: SqlStore, store_address: str, tmp_path: Path
) -> None:
    """One delivery per cooldown, one alert raised twice, whoever is first."""
    path = tmp_path / "alerts.jsonl"
    both = [start(store_address, path, f"a{number}", "race") for number in (1, 2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in both:
        process.communicate()
        assert process.returncode == 0
    (kept,) = store.alerts.open("default")
    assert kept.times == 2
    assert len(lines_of(path)) == 1
