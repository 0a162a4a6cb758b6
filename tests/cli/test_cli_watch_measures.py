"""`flywheel watch` on response time and satisfaction."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flywheel.records.execution import Execution
from flywheel.store.open import open_store


def add_rated() -> None:
    """A hundred recent runs that pass, take two seconds, and are rated with two stars."""
    now = datetime.now(UTC)
    store = open_store("sqlite:///.flywheel/flywheel.db")
    store.executions.write(
        Execution(
            execution_id=f"r{number}",
            prompt="triage",
            outcome="passed",
            latency_ms=2000.0 + number,
            rating=2,
            started_at=now - timedelta(minutes=number + 1),
        )
        for number in range(100)
    )
    store.close()


def test_slow_and_disliked_is_told(flywheel):
    """Both measures have a table, an alert and the exit code; quality is not their matter."""
    add_rated()

    answer = flywheel("watch", "--once", "--response-ms", "1000")
    document = flywheel("alerts", "list", "--json").document

    assert answer.code == 1
    assert "response time of triage: 95 % within 1,000 ms" in " ".join(answer.out.split())
    assert "satisfaction of triage: mean rating" in " ".join(answer.out.split())
    assert {one["subject"] for one in document["alerts"]} == {"triage: response time", "triage: satisfaction"}


def test_a_program_gets_the_measures_by_name(flywheel):
    """The document has them beside quality, which stays as it was."""
    add_rated()

    document = flywheel("watch", "--json", "--response-ms", "5000").document

    time = document["measures"]["response time"]["readings"][0]
    assert time["rate"] == 1.0
    assert time["p95_ms"] > 2000
    assert document["measures"]["satisfaction"]["readings"][0]["level"] == "critical"
    assert document["readings"][0]["prompt"] == "triage"


def test_what_is_not_watched_is_said(triage):
    """Without a target and without ratings a line says so."""
    said = " ".join(triage("watch", "--once").err.split())

    assert "Not watched: response time (no target: --response-ms), satisfaction (no ratings)." in said
