"""The journal after kill -9, with two writers, with a writer still at work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from release_material import FIRST, SECOND, THIRD, add_text, event_to, make_live

from flywheel.errors import StaleRelease
from flywheel.records.release import JournalState, ReleaseKind
from flywheel.store.journal import RELEASE, write_intent
from flywheel.store.open import SqlStore
from flywheel.store.promotion import Change, move
from flywheel.store.prompts import VERSION

CHILD = Path(__file__).with_name("killed_release.py")


def start(address: str, version: str, after: str, expected: int = 1) -> subprocess.Popen[str]:
    """A process that releases a version and stops after a step."""
    command = [sys.executable, str(CHILD), address, version, after, str(expected)]
    path = os.pathsep.join(filter(None, [str(CHILD.parent), os.environ.get("PYTHONPATH")]))
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env={**os.environ, "PYTHONPATH": path}
    )


def killed(address: str, version: str, after: str) -> None:
    """Run such a process to its SIGKILL."""
    process = start(address, version, after)
    _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors


def raced(processes: list[subprocess.Popen[str]]) -> list[str]:
    """Let them go at once; what each said about its release."""
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate()[0].strip() for process in processes]


@pytest.mark.integration
@pytest.mark.parametrize("after", ["intent", "move_half"])
def test_a_release_killed_before_its_move_is_reverted(
    store: SqlStore, store_address: str, after: str
) -> None:
    """Killed after the intent or within the move, the old version is live and the journal is reverted."""
    first, second = make_live(store, FIRST, "a"), add_text(store, SECOND)
    killed(store_address, second, after)
    assert store.releases.history("default", "triage")[0].state is JournalState.INTENT
    (touched,) = store.releases.recover("default", datetime.now(UTC))
    assert (touched.version, touched.state) == (second, JournalState.REVERTED)
    assert "ended before the pointer was moved" in touched.why
    live = store.releases.live("default", "triage")
    assert (live.version, live.revision) == (first, 1)
    assert store.releases.recover("default", datetime.now(UTC)) == []


@pytest.mark.integration
def test_a_release_killed_before_its_verification_is_verified(store: SqlStore, store_address: str) -> None:
    """Killed after the move: the new version stays live and recovery verifies it."""
    make_live(store, FIRST, "a")
    second = add_text(store, SECOND)
    killed(store_address, second, "move")
    assert store.releases.history("default", "triage")[0].state is JournalState.APPLIED
    (touched,) = store.releases.recover("default", datetime.now(UTC))
    assert (touched.version, touched.state) == (second, JournalState.VERIFIED)
    assert store.releases.live("default", "triage").version == second


@pytest.mark.integration
@pytest.mark.parametrize("after", ["intent", "move"])
def test_a_killed_release_is_finished_by_the_same_release(
    store: SqlStore, store_address: str, after: str
) -> None:
    """Repeated without a recovery, the release takes over what the killed process left; it counts once."""
    make_live(store, FIRST, "a")
    second = add_text(store, SECOND)
    killed(store_address, second, after)
    event = event_to(second, f"release-{second[:8]}", kind=ReleaseKind.CYCLE)
    live = store.releases.promote(None, event, 1)
    assert (live.version, live.revision) == (second, 2)
    assert [e.state for e in store.releases.history("default", "triage")] == [JournalState.VERIFIED] * 2


@pytest.mark.integration
def test_recovery_leaves_a_release_alone_that_is_being_made(store: SqlStore, store_address: str) -> None:
    """The intent of a process that lives is left alone for a minute, then nobody works on it any more."""
    make_live(store, FIRST, "a")
    second = add_text(store, SECOND)
    process = start(store_address, second, "wait")
    assert process.stdout.readline() == "intent\n"
    now = datetime.now(UTC)
    assert store.releases.recover("default", now) == []
    assert store.releases.recover("elsewhere", now + timedelta(hours=1)) == []
    (touched,) = store.releases.recover("default", now + timedelta(seconds=61))
    assert touched.state is JournalState.REVERTED
    process.communicate("go\n")


def test_an_intent_of_another_host_is_left_alone_for_a_minute(store: SqlStore) -> None:
    """Whether a process of another host lives cannot be known, so only the age of its intent counts."""
    second = add_text(store, SECOND)
    write_intent(store.database, event_to(second, "b"))
    with store.database.write() as connection:
        connection.execute(sa.update(RELEASE).values(host="elsewhere", pid=2**30))
    now = datetime.now(UTC)
    assert store.releases.recover("default", now) == []
    assert len(store.releases.recover("default", now + timedelta(seconds=61))) == 1


def test_a_move_after_its_intent_was_reverted_is_refused(store: SqlStore) -> None:
    """A process that was asleep while recovery reverted its intent does not move the pointer."""
    second = add_text(store, SECOND)
    event = event_to(second, "b")
    write_intent(store.database, event)
    store.releases.recover("default", datetime.now(UTC) + timedelta(seconds=61))
    with pytest.raises(StaleRelease, match="reverted by a recovery"):
        move(store.database, Change(event))
    assert store.releases.live("default", "triage") is None


def test_recovery_verifies_a_release_that_was_replaced(store: SqlStore) -> None:
    """An applied release that a later one replaced is verified, and the later one stays live."""
    first = add_text(store, FIRST)
    write_intent(store.database, event_to(first, "a"))
    move(store.database, Change(event_to(first, "a")))
    second = make_live(store, SECOND, "b")
    (touched,) = store.releases.recover("default", datetime.now(UTC))
    assert (touched.release_id, touched.state) == ("a", JournalState.VERIFIED)
    assert store.releases.live("default", "triage").version == second


def test_recovery_undoes_a_release_whose_text_is_damaged(store: SqlStore) -> None:
    """An applied release whose text lost its content hash is undone: the previous version is live again."""
    first, second = make_live(store, FIRST, "a"), add_text(store, SECOND)
    write_intent(store.database, event_to(second, "b"))
    move(store.database, Change(event_to(second, "b"), None, 1))
    with store.database.write() as connection:
        connection.execute(sa.update(VERSION).where(VERSION.c.version == second).values(text=b"damaged"))
    (touched,) = store.releases.recover("default", datetime.now(UTC))
    assert touched.state is JournalState.REVERTED
    assert store.releases.live("default", "triage").version == first


@pytest.mark.integration
def test_of_two_processes_that_expect_one_revision_one_wins(store: SqlStore, store_address: str) -> None:
    """Two processes release different versions against the same revision: one is live, the other is stale."""
    make_live(store, FIRST, "a")
    versions = [add_text(store, SECOND), add_text(store, THIRD)]
    processes = [start(store_address, version, "race") for version in versions]
    said = raced(processes)
    assert sorted(said) == ["stale", "won"]
    live = store.releases.live("default", "triage")
    assert (live.version, live.revision) == (versions[said.index("won")], 2)
    states = sorted(e.state.value for e in store.releases.history("default", "triage"))
    assert states == ["reverted", "verified", "verified"]


@pytest.mark.integration
def test_of_two_processes_that_make_a_first_release_one_wins(store: SqlStore, store_address: str) -> None:
    """Where nothing is live, two first releases at once leave one live as revision 1."""
    versions = [add_text(store, FIRST), add_text(store, SECOND)]
    processes = [start(store_address, version, "race", -1) for version in versions]
    said = raced(processes)
    assert sorted(said) == ["stale", "won"]
    assert store.releases.live("default", "triage").revision == 1
