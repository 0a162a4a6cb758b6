"""The flow that watches releases."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flows.learning_cycle import learning_cycle
from flows.release_watch import release_watch
from flywheel.records.execution import Execution
from flywheel.store.open import SqlStore

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration]


@pytest.mark.usefixtures("prefect")
def test_what_a_cycle_released_is_undone_when_it_fails(
    recorded: tuple[str, SqlStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorded rival goes live, then fails in use: the version before is live again, told once."""
    monkeypatch.setenv("FLYWHEEL_HOME", str(tmp_path))
    address, store = recorded
    first = store.releases.live("default", "triage")
    learning_cycle(prompts=["triage"], window_days=None, alerts=[], store=address, return_state=True)
    released = store.releases.live("default", "triage")
    assert released.version != first.version
    store.executions.write(in_use(first.version, released.released_at - timedelta(hours=2), 9))
    store.executions.write(in_use(released.version, released.released_at, 2))

    looked = release_watch(alerts=[], store=address, return_state=True)
    again = release_watch(alerts=[], store=address, return_state=True)

    (look,) = looked.result()
    assert look.undone is not None
    assert store.releases.live("default", "triage").version == first.version
    assert f"triage: {look.reading.state.value}" in looked.message
    assert "is live again" in looked.message
    assert again.result() == []
    assert [one.subject for one in store.alerts.open("default")].count("triage: rolled back") == 1


def in_use(version: str, begin: datetime, passing: int) -> list[Execution]:
    """Two hundred executions of a version, so many of ten passed."""
    return [
        Execution(
            execution_id=f"use-{version[:8]}-{number}",
            prompt="triage",
            version=version,
            outcome="passed" if number % 10 < passing else "failed",
            started_at=begin + timedelta(microseconds=10 * number),
            source="production",
        )
        for number in range(200)
    ]
