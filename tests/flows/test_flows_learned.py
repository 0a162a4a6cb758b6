"""The flows that learn from what is stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from learned_world import records
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

from flows.meta_learning import meta_learning
from flows.refresh_patterns import refresh_patterns
from flywheel.records.execution import Execution
from flywheel.store.open import open_store
from tasks.learned import belief_rows, pattern_rows

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.integration]


@pytest.fixture
def address(tmp_path: Path) -> str:
    """A store with two models on prompt `p`, and 400 judged recommendations."""
    address = str(tmp_path / "learned.db")
    store = open_store(address)
    store.executions.write(
        Execution(
            execution_id=f"{model}{i}",
            prompt="p",
            model=model,
            slice=("x", "y")[i % 2],
            outcome="passed" if i % 10 < passing else "failed",
        )
        for model, passing in (("large", 9), ("small", 6))
        for i in range(100)
    )
    given, judged = records(400)
    store.recommendations.add(given)
    store.recommendations.evaluate(judged)
    store.close()
    return address


def test_a_run_learns_and_a_second_one_finds_nothing_new(client: SyncPrefectClient, address: str) -> None:
    """Beliefs of the prompt and of all together, patterns, a prediction; tables; nothing kept anew again."""
    first = meta_learning(store=address, return_state=True)
    second = meta_learning(store=address, return_state=True)

    done, again = first.result(), second.result()
    assert (first.name, second.name) == ("Completed", "Completed")
    assert [(one.prompt, one.models, one.moved) for one in done.beliefs] == [("p", 2, 6), (None, 2, 6)]
    assert [(one.moved, one.unmoved) for one in again.beliefs] == [(0, 6), (0, 6)]
    assert done.patterns.proven > 0
    assert again.patterns == done.patterns
    assert done.prediction.met is True
    assert "12 beliefs kept anew" in first.message
    # Asked for by their run: of all there are the server gives 200, whichever they are.
    of_first = ArtifactFilterFlowRunId(any_=[first.state_details.flow_run_id])
    artifacts = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=of_first))
    keys = {artifact.key for artifact in artifacts}
    assert {"p-models", "recommendations-patterns", "recommendations-rules"} <= keys
    store = open_store(address)
    kept = store.learned.beliefs("default", "p")
    store.close()
    rows = belief_rows(tuple(kept), ())
    assert json.dumps(rows)
    assert json.dumps(pattern_rows(done.patterns.patterns))
    assert [row["slice"] for row in rows] == ["all", "x", "y"] * 2


@pytest.mark.usefixtures("prefect")
def test_patterns_are_refreshed_alone(address: str) -> None:
    """The daily refresh keeps patterns and touches no belief."""
    state = refresh_patterns(store=address, return_state=True)

    store = open_store(address)
    assert state.name == "Completed"
    assert f"{len(store.learned.patterns('default'))} patterns in 400 judged recommendations" in state.message
    assert store.learned.beliefs("default", "p") == []
    store.close()


@pytest.mark.usefixtures("prefect")
def test_an_empty_workspace_teaches_nothing_and_that_is_no_failure(address: str) -> None:
    """Another workspace sees none of it."""
    state = meta_learning(workspace="other", store=address, return_state=True)

    done = state.result()
    assert state.name == "Completed"
    assert [(one.prompt, one.models) for one in done.beliefs] == [(None, 0)]
    assert (done.patterns.judged, done.prediction.met) == (0, None)
