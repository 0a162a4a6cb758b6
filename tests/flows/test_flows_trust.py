"""The flows that update trust, that clean up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.cleanup import cleanup
from flows.update_trust import update_trust
from flywheel.records.execution import Execution
from flywheel.records.recommendation import Recommendation, RecommendationOutcome
from flywheel.store.open import SqlStore, open_store
from tasks.trust import trust_rows

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration]


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[tuple[str, SqlStore]]:
    """A store where ann passed sixty executions, while bob's old recommendation was rejected."""
    address = str(tmp_path / "agents.db")
    store = open_store(address)
    now = datetime.now(UTC)
    store.executions.write(
        Execution(execution_id=f"e{n}", agent="ann", outcome="passed", latency_ms=20, started_at=now)
        for n in range(60)
    )
    old = now - timedelta(days=100)
    store.recommendations.add(
        [Recommendation(recommendation_id="r1", agent="bob", content="Wait.", created_at=old)]
    )
    store.recommendations.evaluate(
        [
            RecommendationOutcome(
                recommendation_id="r1", status="rejected", judged_by="eve", evaluated_at=old, feedback="No."
            )
        ]
    )
    yield address, store
    store.close()


@pytest.mark.usefixtures("prefect")
def test_trust_is_kept_and_what_changed_is_told(agents: tuple[str, SqlStore]) -> None:
    """The first run says who is trusted, the second that nothing changed; a cleanup changes no score."""
    address, store = agents

    first = update_trust(store=address, return_state=True)
    second = update_trust(store=address, return_state=True)
    cleaned = cleanup(store=address, return_state=True)
    again = cleanup(store=address, return_state=True)

    assert first.message == "2 agents, 1 trusted. now trusted: ann"
    assert second.message == "2 agents, 1 trusted"
    assert [one.agent for one in store.trust.latest("default")] == ["ann", "bob"]
    assert cleaned.result().recommendations == 1
    assert again.result().recommendations == 0
    assert store.recommendations.get("default", "r1") is None
    after = update_trust(store=address, return_state=True).result()
    assert [one.score for one in after.agents] == pytest.approx([one.score for one in first.result().agents])
    assert [row["trusted"] for row in trust_rows(after)] == ["yes", "no"]


@pytest.mark.usefixtures("prefect")
def test_without_agents_there_is_nothing_to_do(tmp_path: Path) -> None:
    """A run over a store in which no agent has an outcome ends as Skipped."""
    address = str(tmp_path / "empty.db")
    open_store(address).close()

    state = update_trust(store=address, return_state=True)

    assert state.name == "Skipped"
    assert "no agent" in state.message
