"""What value, calibration and voices read, on either database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.store.open import SqlStore
from flywheel.store.value_evidence import value_evidence

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def add(store: SqlStore) -> None:
    """Runs of every outcome, with confidence, ratings, comments; one of a probe, one of another workspace."""
    made = [
        Execution(
            execution_id=f"e{number}",
            prompt="triage",
            version="v1",
            case_id=f"c{number % 3}",
            model="m",
            outcome=outcome,
            confidence=0.8,
            rating=4 if outcome == "passed" else None,
            comment="great" if outcome == "passed" else None,
            latency_ms=100.0,
            started_at=NOW - timedelta(days=number + 1),
        )
        for number, outcome in enumerate(("passed", "failed", "error", "skipped", "unscored"))
    ]
    made.append(made[0].model_copy(update={"execution_id": "asked", "source": "probe"}))
    made.append(made[0].model_copy(update={"execution_id": "theirs", "workspace": "other"}))
    made.append(made[0].model_copy(update={"execution_id": "old", "started_at": NOW - timedelta(days=99)}))
    store.executions.write(made)


def test_value_reads_what_was_scored_in_the_window(store: SqlStore):
    """Passed, failed and errors of the workspace; an error is sure of nothing; probes are left out."""
    add(store)
    begin = NOW - timedelta(days=90)

    found = value_evidence(store, "default", (begin, begin), NOW).columns
    week = value_evidence(store, "default", (begin, NOW - timedelta(days=1, hours=1)), NOW).columns

    assert found.passed.tolist() == [1.0, 0.0, 0.0]
    assert found.confidence[:2].tolist() == [0.8, 0.8]
    assert np.isnan(found.confidence[2])
    assert found.case.names == ("c0", "c1", "c2")
    assert len(week) == 1


def test_calibration_reads_what_passed_or_failed(store: SqlStore):
    """Neither errors nor what nobody scored have an answer to be sure of."""
    add(store)

    found = store.executions.confidence_columns(Scope(exclude_sources=("probe",)))

    assert found.passed.tolist() == [1.0, 0.0, 1.0]
    assert found.model.names == ("m",)
    assert len(store.executions.confidence_columns(Scope(workspace="nobody"))) == 0


def test_voices_are_counted_by_the_database(store: SqlStore):
    """Ratings and comments of a scope; nothing stored is nothing said."""
    add(store)

    found = store.executions.voices(Scope(exclude_sources=("probe",)))
    nobody = store.executions.voices(Scope(workspace="nobody"))

    assert (found.rated, found.mean_rating, found.positive, found.timed) == (2, 4.0, 2, 5)
    assert nobody.mean_rating is None
    assert nobody.timed == 0
