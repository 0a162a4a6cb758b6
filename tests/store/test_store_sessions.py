"""Sessions counted in one pass."""

from __future__ import annotations

from flywheel.learn.completeness import CRITERIA
from flywheel.records.execution import Execution, ModelUse
from flywheel.store.open import SqlStore


def test_criteria_are_counted_by_session(store: SqlStore):
    """Each criterion counts the executions that fulfil it; skipped ones count for none."""
    whole = {
        "prompt": "triage",
        "version": "v1",
        "case_id": "c1",
        "inputs": {"q": 1},
        "output": "a",
        "expected": "b",
        "models": (
            ModelUse(
                model="small", confidence=0.5, input_tokens=1, output_tokens=1, cost_usd=0.0, latency_ms=3
            ),
        ),
    }
    store.executions.write(
        [
            Execution(execution_id="a1", session_id="a", outcome="failed", **whole),
            Execution(execution_id="a2", session_id="a", outcome="skipped"),
            Execution(execution_id="b1", session_id="b", outcome="error", input_tokens=3),
            Execution(execution_id="b2", session_id="b", outcome="unscored"),
            Execution(execution_id="c1", outcome="passed", error_type="ValueError", latency_ms=0.0),
        ]
    )
    found = {counts.session_id: counts for counts in store.sessions.counts("default")}

    assert found["a"].known == {criterion.name: 1 for criterion in CRITERIA}
    assert (found["a"].executions, found["a"].skipped, found["a"].failures) == (1, 1, 1)
    nothing = dict.fromkeys(found["b"].known, 0)
    assert found["b"].known == {**nothing, "outcome": 1, "consistent": 2}
    assert found[None].known == {**nothing, "outcome": 1, "latency_ms": 1}


def test_the_newest_sessions_come_first(store: SqlStore):
    """At most so many, of the workspace, of the prompt, or one by its id."""
    for number in range(4):
        store.executions.write(
            [
                Execution(
                    execution_id=f"r{number}",
                    session_id=f"s{number}",
                    prompt="triage" if number % 2 else "other",
                    workspace="default" if number else "team",
                    outcome="passed",
                )
            ]
        )
    sessions = store.sessions

    assert [c.session_id for c in sessions.counts("default", limit=2)] == ["s3", "s2"]
    assert [c.session_id for c in sessions.counts("default", prompt="triage")] == ["s3", "s1"]
    assert [c.session_id for c in sessions.counts("team")] == ["s0"]
    assert [c.session_id for c in sessions.counts("default", session_id="s2")] == ["s2"]
    assert sessions.counts("nobody") == []
