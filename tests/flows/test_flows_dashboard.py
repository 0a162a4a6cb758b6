"""The flow that reads what testing is worth."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.dashboard import dashboard
from flywheel.records.execution import Execution
from flywheel.store.open import open_store

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration]


@pytest.mark.usefixtures("prefect")
def test_a_low_health_is_one_alert_until_it_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Failing executions raise one alert however often it is looked at; better ones end it."""
    monkeypatch.setenv("FLYWHEEL_HOME", str(tmp_path))
    address = str(tmp_path / "value.db")
    store = open_store(address)
    store.executions.write(runs("bad", 40, passing=0))

    first = dashboard(alerts=[], store=address, return_state=True)
    again = dashboard(alerts=[], store=address, return_state=True)
    raised = [(one.subject, one.times) for one in store.alerts.open("default")]
    store.executions.write(runs("good", 4000, passing=10))
    well = dashboard(alerts=[], store=address, return_state=True)
    left = store.alerts.open("default")
    store.close()

    assert first.result().metric("health_score").value < 0.6
    assert again.result().metric("health_score").value == pytest.approx(
        first.result().metric("health_score").value, abs=1e-3
    )
    assert raised == [("health of the flywheel", 1)]
    assert well.result().metric("health_score").value > 0.6
    assert left == []
    assert "more: flywheel value" in well.message


def runs(name: str, count: int, passing: int) -> list[Execution]:
    """So many of ten passed, all of them now."""
    now = datetime.now(UTC)
    return [
        Execution(
            execution_id=f"{name}-{number}",
            prompt="triage",
            outcome="passed" if number % 10 < passing else "failed",
            started_at=now,
        )
        for number in range(count)
    ]
