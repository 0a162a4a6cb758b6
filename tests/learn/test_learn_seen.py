"""First and last seen come from all rows, also from those whose texts nobody read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flywheel.learn.patterns import PatternEvidence, mine_patterns
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution
from flywheel.store.open import SqlStore, open_store

START = datetime(2026, 1, 1, tzinfo=UTC)


def run(n: int, error: str, message: str) -> Execution:
    """One errored execution an hour after the one before."""
    return Execution(
        execution_id=f"e{n:04}",
        outcome="error",
        model="m",
        error_type=error,
        error_message=message,
        started_at=START + timedelta(hours=n),
    )


@pytest.fixture
def store() -> SqlStore:
    """Two hundred timeouts, from hour 0 to 199; two other errors share a type in between."""
    opened = open_store("sqlite://")
    opened.executions.write(run(n, "ReadTimeout", "no answer in 30 s") for n in range(200))
    opened.executions.write(
        run(200 + n, "KeyError", f"{'name' if n % 2 else 'city'} is missing") for n in range(60)
    )
    return opened


def test_unread_rows_of_a_signature_count(store: SqlStore):
    """The timeouts have their error type to themselves: the first hour is known though it was not read."""
    everything = store.executions.failures(Scope(), 1_000)
    read = [e for e in everything if e.started_at is not None and 50 <= int(e.execution_id[1:]) < 260]

    found = mine_patterns(PatternEvidence(read, (), 260, None, (), store.executions.columns(Scope())))

    timeouts = next(p for p in found if "ReadTimeout" in p.detail)
    assert (timeouts.first_seen, timeouts.last_seen) == (START, START + timedelta(hours=199))


def test_a_shared_signature_says_nothing_about_unread_rows(store: SqlStore):
    """Two patterns with one error type keep the moments that were read."""
    everything = store.executions.failures(Scope(), 1_000)
    read = [e for e in everything if int(e.execution_id[1:]) < 250]

    found = mine_patterns(PatternEvidence(read, (), 260, None, (), store.executions.columns(Scope())))

    keys = [p for p in found if "KeyError" in p.detail]
    assert len(keys) == 2
    assert {p.last_seen for p in keys} == {START + timedelta(hours=248), START + timedelta(hours=249)}


def test_shares_of_a_sample_are_shares_of_all_failures(store: SqlStore):
    """A tenth of the failures tells the same shares as all of them."""
    read = store.executions.failures(Scope(), 52)

    found = mine_patterns(PatternEvidence(read, (), 260, None))

    assert sum(p.share for p in found) == pytest.approx(1.0)
    assert found[0].share == pytest.approx(200 / 260, abs=0.1)
