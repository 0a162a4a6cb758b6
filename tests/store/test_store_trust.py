"""Trust as it was computed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.records.trust import AgentTrust, TrustPart, TrustReport
from flywheel.store.open import SqlStore

START = datetime(2024, 11, 2, tzinfo=UTC)
"""Before any now."""
UNKNOWN = TrustPart(because="nothing is known")


def report(day: int, workspace: str = "default", **scores: float | None) -> TrustReport:
    """The scores of some agents on one day."""
    return TrustReport(
        workspace=workspace,
        computed_at=START + timedelta(days=day),
        agents=tuple(
            AgentTrust(
                agent=name, workspace=workspace, outcomes=1, accuracy=UNKNOWN, consistency=UNKNOWN,
                timeliness=UNKNOWN, reliability=UNKNOWN, score=score, known_score=None, ema=None, seed=None,
                confidence=0.0, chance=None, strength=None, trend=None, drift=None, vote=0.0, trusted=False,
                known_trusted=False,
            )
            for name, score in scores.items()
        ),
        population=None, forgetting=None, judgements=1, executions=0, own_judgements=0, capped_judgements=0,
    )  # fmt: skip


def test_the_newest_scores_of_each_agent_are_the_latest(store: SqlStore) -> None:
    """An agent that an update leaves out keeps the scores it had; the unknown come last."""
    assert store.trust.keep(report(1, ann=0.5, bob=0.9)) == 2
    assert store.trust.keep(report(2, ann=0.6, eve=None)) == 2
    assert store.trust.keep(report(2, ann=0.7)) == 0
    store.trust.keep(report(3, workspace="other", ann=0.1))

    assert [(one.agent, one.score) for one in store.trust.latest("default")] == [
        ("bob", 0.9), ("ann", 0.6), ("eve", None),
    ]  # fmt: skip
    assert [one.score for _, one in store.trust.past("default", "ann", 5)] == [0.6, 0.5]


def test_a_cleanup_keeps_the_newest_of_each_agent(store: SqlStore) -> None:
    """What is old goes, but an agent never loses its last scores, nor another workspace any."""
    for day in (1, 2, 3):
        store.trust.keep(report(day, ann=day / 10))
    store.trust.keep(report(1, bob=0.5))
    store.trust.keep(report(1, workspace="other", ann=0.5))

    assert store.trust.delete_before("default", START + timedelta(days=30)) == 2
    assert [one.agent for one in store.trust.latest("default")] == ["bob", "ann"]
    assert len(store.trust.past("other", "ann", 5)) == 1


def test_executions_of_agents_are_in_the_order_of_time(store: SqlStore) -> None:
    """Those without an agent are left out; the time of storing stands in for a missing start."""
    store.executions.write(
        [
            Execution(execution_id="late", agent="ann", outcome="passed", case_id="c", latency_ms=5,
                      started_at=START + timedelta(hours=2)),
            Execution(execution_id="early", agent="bob", outcome="error", slice="x", started_at=START),
            Execution(execution_id="nobody", outcome="passed"),
            Execution(execution_id="now", agent="ann", outcome="failed"),
        ]
    )  # fmt: skip

    columns = store.executions.agent_columns(Scope())

    assert [columns.agent.names[code] for code in columns.agent.codes] == ["bob", "ann", "ann"]
    np.testing.assert_array_equal(columns.score, [np.nan, 1.0, 0.0])
    np.testing.assert_array_equal(columns.latency_ms, [np.nan, 5.0, np.nan])
    assert columns.slice.codes.tolist() == [0, -1, -1]
    assert len(store.executions.agent_columns(Scope(workspace="other"))) == 0
