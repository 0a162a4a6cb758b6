"""The live text of a prompt for an application."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import flywheel
from flywheel.errors import StoreUnreachable, UnknownName
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.records.release import JournalState, ReleaseEvent, ReleaseKind
from flywheel.store.live_prompt import LivePromptSettings, forget_live_prompts, get_prompt
from flywheel.store.open import SqlStore, open_store

PATIENCE_S = 60.0
TEXT, BETTER = "Route: {question}\r\n", "Route to one of billing, login: {question}"


@pytest.fixture(autouse=True)
def _fresh_cache() -> Iterator[None]:
    forget_live_prompts()
    yield
    forget_live_prompts()


def release(store: SqlStore, text: str, revision: int | None) -> None:
    """Make a text live."""
    version = content_hash(text)
    store.prompts.add(PromptVersion(prompt="triage", version=version, text=text))
    event = ReleaseEvent(
        release_id=f"to {version[:8]}",
        prompt="triage",
        workspace="default",
        version=version,
        previous=None,
        kind=ReleaseKind.MANUAL,
        state=JournalState.INTENT,
        created_at=datetime.now(UTC),
    )
    store.releases.promote(None, event, expected_revision=revision)


def until(holds: Callable[[], bool]) -> None:
    """Wait for something that happens in the background; the time limit of the suite ends it."""
    while not holds():
        threading.Event().wait(0.01)


def test_an_application_gets_the_live_text(store: SqlStore):
    """To the byte, whatever the key."""
    release(store, TEXT, None)
    there = LivePromptSettings(store=store, first_wait_s=PATIENCE_S)

    assert get_prompt("triage", settings=there) == TEXT
    assert get_prompt("triage", key="user-7", settings=there) == TEXT
    assert flywheel.get_prompt is get_prompt


def test_a_release_arrives_without_a_restart(store: SqlStore):
    """Once the text is older than the TTL a call has it read anew in the background."""
    release(store, TEXT, None)
    fresh = LivePromptSettings(store=store, ttl_s=0.0, first_wait_s=PATIENCE_S)
    assert get_prompt("triage", settings=fresh) == TEXT
    release(store, BETTER, 1)

    until(lambda: get_prompt("triage", settings=fresh) == BETTER)


def test_within_the_ttl_the_store_is_not_asked(tmp_path: Path):
    """The text comes from memory even when the store is gone."""
    path = tmp_path / "runs.db"
    store = open_store(f"sqlite:///{path}")
    release(store, TEXT, None)
    store.close()
    there = LivePromptSettings(store=f"sqlite:///{path}", ttl_s=3600, first_wait_s=PATIENCE_S)
    assert get_prompt("triage", settings=there) == TEXT
    path.unlink()

    assert get_prompt("triage", settings=there) == TEXT


def test_a_store_that_went_away_leaves_the_last_text(tmp_path: Path):
    """A reading that fails changes nothing of what is known."""
    path = tmp_path / "runs.db"
    store = open_store(f"sqlite:///{path}")
    release(store, TEXT, None)
    fresh = LivePromptSettings(store=store, ttl_s=0.0, first_wait_s=PATIENCE_S)
    assert get_prompt("triage", settings=fresh) == TEXT
    store.close()
    for file in tmp_path.glob("runs.db*"):
        file.unlink()
    path.mkdir()

    for _ in range(20):
        assert get_prompt("triage", settings=fresh) == TEXT
        threading.Event().wait(0.01)


def test_a_store_that_hangs_costs_one_short_wait(tmp_path: Path):
    """A lock held by another program: the default is served, and nobody waits a second time."""
    path = tmp_path / "runs.db"
    open_store(f"sqlite:///{path}").close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("PRAGMA journal_mode = DELETE")
    holder.execute("BEGIN EXCLUSIVE")
    patient = LivePromptSettings(store=f"sqlite:///{path}?timeout=1", first_wait_s=0.05)

    for _ in range(1000):
        assert get_prompt("triage", default="plain", settings=patient) == "plain"
    with pytest.raises(StoreUnreachable, match="Give get_prompt a default"):
        get_prompt("triage", settings=patient)
    holder.close()


def test_nothing_live_is_the_default_or_an_error(store: SqlStore):
    """An unknown prompt is a mistake that a default can cover."""
    there = LivePromptSettings(store=store, first_wait_s=PATIENCE_S)

    assert get_prompt("triage", default="plain", settings=there) == "plain"
    with pytest.raises(UnknownName, match="flywheel prompt add triage"):
        get_prompt("triage", settings=there)


def test_no_store_is_made_by_asking(tmp_path: Path):
    """Asking for a prompt creates no database."""
    there = LivePromptSettings(store=f"sqlite:///{tmp_path / 'runs.db'}")

    assert get_prompt("triage", default="plain", settings=there) == "plain"
    assert list(tmp_path.iterdir()) == []
