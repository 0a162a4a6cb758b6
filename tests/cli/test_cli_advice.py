"""Advice on the pages of `flywheel report` and `flywheel patterns`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flywheel.records.execution import Execution
from flywheel.store.open import open_store


def test_patterns_say_what_to_refine_first(triage):
    """The strategy with its reason, for a person and a program."""
    document = triage("patterns", "--json").document

    assert document["advice"]["strategy"] == "definitions"
    assert document["advice"]["because"]
    assert "Refine first definitions" in triage("patterns").out


def test_report_stands_beside_the_time_before(flywheel):
    """Last week beside the four before: worse is told with its interval."""
    now = datetime.now(UTC)
    store = open_store("sqlite:///.flywheel/flywheel.db")
    store.executions.write(
        Execution(
            execution_id=f"e{number}",
            prompt="triage",
            outcome="failed" if number % 10 < (4 if number < 300 else 1) else "passed",
            comment="not helpful" if number == 0 else None,
            started_at=now - timedelta(days=1 if number < 300 else 20, seconds=number),
        )
        for number in range(600)
    )
    store.close()

    answer = flywheel("report", "--window-days", "7", "--against-days", "28")
    document = flywheel("report", "--window-days", "7", "--against-days", "28", "--json").document

    rate, time, cost = document["against"]
    assert (rate["verdict"], time["verdict"], cost["verdict"]) == ("worse", "unknown", "unknown")
    assert rate["high"] < 0
    assert document["voices"]["negative"] == 1
    assert "7 days beside the 28 before" in answer.out
    assert "1 displeased" in answer.out


def test_against_which_time_is_asked(triage):
    """Without a window there is no time before it."""
    assert triage("report", "--against-days", "7").code == 2
